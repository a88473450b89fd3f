/* What the firmware asks of the machine that emulates it: files, a console, an end (Arm semihosting, which RISC-V shares). */
#ifndef EDGEBUILD_SEMIHOSTING_H
#define EDGEBUILD_SEMIHOSTING_H

#include <stddef.h>
#include <stdint.h>

enum open_mode { OPEN_READ = 1, OPEN_WRITE = 5 };

/* Exit codes of the firmware; edgebuild/bench/firmware/run.py knows them too. */
enum exit_code { EXIT_DONE = 0, EXIT_FAULT = 90, EXIT_STACK_OVERFLOW = 91, EXIT_NO_FILE = 92, EXIT_ARENA_OVERFLOW = 93 };

/* A file of the working folder, or a negative number. */
int32_t host_open(const char *name, enum open_mode mode);
int32_t host_length(int32_t file);
/* The number of bytes that were NOT read or written, 0 where all were. */
uint32_t host_read(int32_t file, void *to, uint32_t bytes);
uint32_t host_write(int32_t file, const void *from, uint32_t bytes);
void host_close(int32_t file);
/* A line `key 0x0000002a` on the console. */
void host_say(const char *key, uint32_t value);
void host_exit(enum exit_code code) __attribute__((noreturn));

#endif
