/* Start of a 32-bit RISC-V hart in machine mode: the trap handler, and the guard below the stack. */
#include "start.h"

/* A locked entry of the physical memory protection binds machine mode too; a naturally aligned power of two. */
static void guard_stack(void)
{
    uint32_t base = (uint32_t)(uintptr_t)_stack_low - (uint32_t)GUARD_BYTES;
    uint32_t address = base >> 2 | ((uint32_t)GUARD_BYTES / 8u - 1u);
    uint32_t locked_napot_no_access = 0x98;
    __asm__ volatile(".option push\n.option arch, +zicsr\ncsrw pmpaddr0, %0\ncsrw pmpcfg0, %1\n.option pop\n"
                     : : "r"(address), "r"(locked_napot_no_access) : "memory");
}

__attribute__((used, noreturn)) static void on_fault(uint32_t stack_pointer)
{
    uint32_t cause, value, where;
    __asm__ volatile(".option push\n.option arch, +zicsr\n"
                     "csrr %0, mcause\ncsrr %1, mtval\ncsrr %2, mepc\n.option pop\n"
                     : "=r"(cause), "=r"(value), "=r"(where));
    host_say("fault_mcause", cause);
    host_say("fault_mtval", value);
    host_say("fault_mepc", where);
    host_say("fault_sp", stack_pointer);
    host_exit(in_guard(value) || in_guard(stack_pointer) ? EXIT_STACK_OVERFLOW : EXIT_FAULT);
}

__attribute__((naked, aligned(4))) static void trap_handler(void)
{
    __asm__ volatile("mv a0, sp\n"
                     "la sp, _stack_high\n"
                     "call on_fault\n");
}

__attribute__((used, noreturn)) static void start(void)
{
    __asm__ volatile(".option push\n.option arch, +zicsr\ncsrw mtvec, %0\n.option pop\n" : : "r"(trap_handler));
    guard_stack();
    fill_memory();
    main_loop();
    host_exit(EXIT_DONE);
}

__attribute__((naked, noreturn, section(".vectors"))) void reset_handler(void)
{
    __asm__ volatile("la sp, _stack_high\n"
                     "call start\n");
}
