/* Start of a Cortex-M: vectors, the guard below the stack, the units that the model's code may use. */
#include "start.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define CCR REGISTER(0xE000ED14u)
#define CFSR REGISTER(0xE000ED28u)
#define HFSR REGISTER(0xE000ED2Cu)
#define MMFAR REGISTER(0xE000ED34u)
#define BFAR REGISTER(0xE000ED38u)
#define CPACR REGISTER(0xE000ED88u)
#define MPU_CTRL REGISTER(0xE000ED94u)
#define MPU_RNR REGISTER(0xE000ED98u)
#define MPU_RBAR REGISTER(0xE000ED9Cu)
#define MPU_RASR REGISTER(0xE000EDA0u)

enum { CCR_TRAP_UNALIGNED = 1 << 3, CCR_LOW_OVERHEAD_LOOPS = 1 << 19, CFSR_STACK_LIMIT = 1 << 20 };

/* Armv8-M compares the stack pointer itself with a limit; before it, the protection unit denies the memory below. */
static void guard_stack(void)
{
#if __ARM_ARCH >= 8
    __asm__ volatile("msr msplim, %0" : : "r"(_stack_low));
#else
    MPU_RNR = 0;
    MPU_RBAR = (uint32_t)(uintptr_t)_stack_low - (uint32_t)GUARD_BYTES;
    MPU_RASR = 1u << 28 | 19u << 1 | 1u; /* never executed, no access, 2^(19+1) bytes, enabled */
    MPU_CTRL = 1u << 2 | 1u;             /* the default map for everything else */
    __asm__ volatile("dsb\nisb" : : : "memory");
#endif
}

static void enable_units(void)
{
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    CPACR |= 0xfu << 20;
#endif
#if defined(__ARM_FEATURE_MVE)
    CCR |= CCR_LOW_OVERHEAD_LOOPS;
#endif
#if __ARM_ARCH == 6
    CCR |= CCR_TRAP_UNALIGNED; /* the emulated core allows what Armv6-M does not */
#endif
    __asm__ volatile("dsb\nisb" : : : "memory");
}

__attribute__((used, noreturn)) static void on_fault(uint32_t stack_pointer)
{
    uint32_t status = CFSR;
    int overflow = (status & (uint32_t)CFSR_STACK_LIMIT) != 0u || in_guard(stack_pointer)
                   || ((status & 0x80u) != 0u && in_guard(MMFAR)) || ((status & 0x8000u) != 0u && in_guard(BFAR));
    host_say("fault_cfsr", status);
    host_say("fault_hfsr", HFSR);
    host_say("fault_mmfar", MMFAR);
    host_say("fault_bfar", BFAR);
    host_say("fault_sp", stack_pointer);
    host_exit(overflow ? EXIT_STACK_OVERFLOW : EXIT_FAULT);
}

/* The stack may be what broke: a new one is taken before anything is pushed. */
__attribute__((naked)) static void fault_handler(void)
{
    __asm__ volatile("mrs r0, msp\n"
                     "ldr r1, =_stack_high\n"
                     "msr msp, r1\n"
                     "bl on_fault\n");
}

__attribute__((used, noreturn)) static void start(void)
{
    guard_stack();
    enable_units();
    fill_memory();
    main_loop();
    host_exit(EXIT_DONE);
}

__attribute__((naked, noreturn)) void reset_handler(void)
{
    __asm__ volatile("ldr r0, =_stack_high\n"
                     "msr msp, r0\n"
                     "bl start\n");
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    _stack_high,   reset_handler, fault_handler, fault_handler, fault_handler, fault_handler, fault_handler, fault_handler,
    fault_handler, fault_handler, fault_handler, fault_handler, fault_handler, fault_handler, fault_handler, fault_handler,
};
