#include "semihosting.h"

enum operation { SYS_OPEN = 0x01, SYS_CLOSE = 0x02, SYS_WRITE0 = 0x04, SYS_WRITE = 0x05, SYS_READ = 0x06, SYS_FLEN = 0x0c,
                 SYS_EXIT_EXTENDED = 0x20 };

static const uint32_t APPLICATION_EXIT = 0x20026;

#if defined(__riscv)
/* The three instructions must follow each other, uncompressed and in one page. */
__attribute__((noinline, aligned(16))) static int32_t call_host(enum operation operation, const void *arguments)
{
    register int32_t a0 __asm__("a0") = (int32_t)operation;
    register const void *a1 __asm__("a1") = arguments;
    __asm__ volatile(".option push\n.option norvc\nslli x0, x0, 0x1f\nebreak\nsrai x0, x0, 7\n.option pop\n"
                     : "+r"(a0) : "r"(a1) : "memory");
    return a0;
}
#else
static int32_t call_host(enum operation operation, const void *arguments)
{
    register int32_t r0 __asm__("r0") = (int32_t)operation;
    register const void *r1 __asm__("r1") = arguments;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}
#endif

static uint32_t length_of(const char *text)
{
    uint32_t n = 0;
    while (text[n] != '\0')
        n++;
    return n;
}

int32_t host_open(const char *name, enum open_mode mode)
{
    const uint32_t arguments[] = {(uint32_t)(uintptr_t)name, (uint32_t)mode, length_of(name)};
    return call_host(SYS_OPEN, arguments);
}

int32_t host_length(int32_t file)
{
    const uint32_t arguments[] = {(uint32_t)file};
    return call_host(SYS_FLEN, arguments);
}

uint32_t host_read(int32_t file, void *to, uint32_t bytes)
{
    const uint32_t arguments[] = {(uint32_t)file, (uint32_t)(uintptr_t)to, bytes};
    return (uint32_t)call_host(SYS_READ, arguments);
}

uint32_t host_write(int32_t file, const void *from, uint32_t bytes)
{
    const uint32_t arguments[] = {(uint32_t)file, (uint32_t)(uintptr_t)from, bytes};
    return (uint32_t)call_host(SYS_WRITE, arguments);
}

void host_close(int32_t file)
{
    const uint32_t arguments[] = {(uint32_t)file};
    (void)call_host(SYS_CLOSE, arguments);
}

/* In hexadecimal, so that no core needs a division, and without initial values, which would be copied by memcpy: functions
 * of the library are left to the model. */
void host_say(const char *key, uint32_t value)
{
    char text[13];
    text[0] = ' ';
    text[1] = '0';
    text[2] = 'x';
    for (int i = 0; i < 8; i++)
        text[3 + i] = "0123456789abcdef"[value >> (28 - 4 * i) & 0xfu];
    text[11] = '\n';
    text[12] = '\0';
    (void)call_host(SYS_WRITE0, key);
    (void)call_host(SYS_WRITE0, text);
}

void host_exit(enum exit_code code)
{
    const uint32_t arguments[] = {APPLICATION_EXIT, (uint32_t)code};
    for (;;)
        (void)call_host(SYS_EXIT_EXTENDED, arguments);
}
