/* uint32_t harness_invoke(void *arena): runs the model once and returns how many bytes of stack it used.
 *
 * The stack below is painted before the call and searched after it, both from the stack pointer that the model finds, so
 * that nothing of the harness is counted. The instructions from the entry of the model's function to `harness_returned`
 * are the model's alone. HARNESS_MODEL is the name of the model's function.
 */
#define PAINT 0xC5C5C5C5

    .text
    .global harness_invoke
    .global harness_returned
    .type harness_invoke, %function
#if defined(__riscv)
harness_invoke:
    addi sp, sp, -16
    sw ra, 12(sp)
    la t0, _stack_low
    li t1, PAINT
1:  bgeu t0, sp, 2f
    sw t1, 0(t0)
    addi t0, t0, 4
    j 1b
2:  call HARNESS_MODEL
harness_returned:
    la t0, _stack_low
    li t1, PAINT
3:  bgeu t0, sp, 4f
    lw t2, 0(t0)
    bne t2, t1, 4f
    addi t0, t0, 4
    j 3b
4:  sub a0, sp, t0
    lw ra, 12(sp)
    addi sp, sp, 16
    ret
#else
    .syntax unified
    .thumb
    .thumb_func
harness_invoke:
    push {r4, lr}
    ldr r1, =_stack_low
    mov r2, sp
    ldr r3, =PAINT
1:  cmp r1, r2
    bhs 2f
    stmia r1!, {r3}
    b 1b
2:  bl HARNESS_MODEL
harness_returned:
    ldr r1, =_stack_low
    mov r2, sp
    ldr r3, =PAINT
3:  cmp r1, r2
    bhs 4f
    ldr r0, [r1]
    cmp r0, r3
    bne 4f
    adds r1, #4
    b 3b
4:  subs r0, r2, r1
    pop {r4, pc}
    .pool
#endif
    .size harness_invoke, . - harness_invoke
