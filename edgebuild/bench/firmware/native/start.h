/* What both start files share: the symbols of link.ld.in, memory as C expects it, and the end of a program that faulted. */
#ifndef EDGEBUILD_START_H
#define EDGEBUILD_START_H

#include "semihosting.h"

extern uint32_t _data_from[], _data_start[], _data_end[], _bss_start[], _bss_end[], _stack_low[], _stack_high[];

/* Below the stack, where nothing may be written; one size that every protection unit can express. */
enum { GUARD_BYTES = 1 << 20 };

void main_loop(void);

static inline void fill_memory(void)
{
    const uint32_t *from = _data_from;
    for (uint32_t *to = _data_start; to < _data_end;)
        *to++ = *from++;
    for (uint32_t *to = _bss_start; to < _bss_end;)
        *to++ = 0;
}

static inline int in_guard(uint32_t address)
{
    uint32_t low = (uint32_t)(uintptr_t)_stack_low;
    return address < low && address >= low - (uint32_t)GUARD_BYTES;
}

#endif
