/* A QEMU plugin that counts the instructions a program executes, per address, and says the running total at marked
 * addresses. Two runs of one program give the same bytes.
 *
 * Arguments: out=FILE, and mark=0xADDRESS as often as wanted; totals=on leaves out the lines P. FILE gets, in text:
 *   T total            instructions executed in the whole run
 *   M address total    for each time a marked instruction was reached: what was executed before it, in order
 *   S number total     for each time a program under Linux asked for the highest priority of scheduling policy
 *                      0x5eed0000 + number, which does not exist: what was executed until then, in order
 *   P address count    for each instruction that was executed, by address
 *
 * Counting costs two additions per translation block, not per instruction: a block that is entered is executed to its end,
 * unless an instruction in it faults. A program that faults has no result anyway; interrupts are taken between blocks.
 * An instruction of an IT or VPT block whose condition does not hold is counted: it takes its cycle too.
 */
#include "plugin_interface.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

EXPORT int qemu_plugin_version = 1;

/* One translation of a block: how often it was entered, and the addresses of its instructions. */
struct block {
    uint64_t entered;
    struct block *next;
    size_t length;
    uint64_t address[];
};

/* A marked instruction of one translation: `rest` instructions of its block stand at or after it. */
struct mark {
    uint64_t address;
    uint64_t rest;
};

struct count {
    uint64_t address;
    uint64_t times;
};

enum { MARKS = 1024 };

static struct block *blocks;
static uint64_t total;
static uint64_t marked[MARKS];
static int marks;
static bool only_totals;
static FILE *out;

static void *allocate(size_t bytes)
{
    void *memory = calloc(1, bytes);
    if (memory == NULL) {
        fputs("count_instructions: out of memory\n", stderr);
        abort();
    }
    return memory;
}

static void on_mark(unsigned cpu, void *data)
{
    const struct mark *mark = data;
    (void)cpu;
    fprintf(out, "M %llu %llu\n", (unsigned long long)mark->address, (unsigned long long)(total - mark->rest));
}

static void on_syscall(qemu_plugin_id_t id, unsigned cpu, int64_t number, uint64_t policy, uint64_t a2, uint64_t a3,
                       uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8)
{
    (void)id, (void)cpu, (void)a2, (void)a3, (void)a4, (void)a5, (void)a6, (void)a7, (void)a8;
    if (out != NULL && mark_of(number, policy) >= 0)
        fprintf(out, "S %llu %llu\n", (unsigned long long)mark_of(number, policy), (unsigned long long)total);
}

static bool is_marked(uint64_t address)
{
    for (int i = 0; i < marks; i++)
        if (marked[i] == address)
            return true;
    return false;
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    size_t length = qemu_plugin_tb_n_insns(tb);
    struct block *block = allocate(sizeof *block + length * sizeof block->address[0]);
    (void)id;
    block->length = length;
    block->next = blocks;
    blocks = block;
    for (size_t i = 0; i < length; i++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(tb, i);
        block->address[i] = qemu_plugin_insn_vaddr(instruction);
        if (is_marked(block->address[i])) {
            struct mark *mark = allocate(sizeof *mark);
            mark->address = block->address[i];
            mark->rest = length - i;
            qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_mark, NO_REGISTERS, mark);
        }
    }
    qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD_U64, &block->entered, 1);
    qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD_U64, &total, length);
}

static int by_address(const void *left, const void *right)
{
    uint64_t a = ((const struct count *)left)->address, b = ((const struct count *)right)->address;
    return (a > b) - (a < b);
}

static void write_counts(void)
{
    size_t n = 0, used = 0;
    for (const struct block *block = blocks; block != NULL; block = block->next)
        n += block->entered != 0 ? block->length : 0;
    struct count *counts = allocate((n + 1) * sizeof *counts);
    for (const struct block *block = blocks; block != NULL; block = block->next)
        for (size_t i = 0; block->entered != 0 && i < block->length; i++)
            counts[used++] = (struct count){block->address[i], block->entered};
    qsort(counts, n, sizeof *counts, by_address);
    for (size_t i = 0; i < n;) {
        uint64_t times = 0, address = counts[i].address;
        for (; i < n && counts[i].address == address; i++)
            times += counts[i].times;
        fprintf(out, "P %llu %llu\n", (unsigned long long)address, (unsigned long long)times);
    }
    free(counts);
}

static void finish(void)
{
    if (out == NULL)
        return;
    fprintf(out, "T %llu\n", (unsigned long long)total);
    if (!only_totals)
        write_counts();
    fclose(out);
    out = NULL;
}

static void on_exit_of_qemu(qemu_plugin_id_t id, void *data)
{
    (void)id;
    (void)data;
    finish();
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "out=", 4) == 0) {
            out = fopen(argv[i] + 4, "w");
        } else if (strcmp(argv[i], "totals=on") == 0) {
            only_totals = true;
        } else if (strncmp(argv[i], "mark=", 5) == 0 && marks < MARKS) {
            marked[marks++] = strtoull(argv[i] + 5, NULL, 0);
        } else {
            fprintf(stderr, "count_instructions: cannot use the argument %s\n", argv[i]);
            return -1;
        }
    }
    if (out == NULL) {
        fputs("count_instructions: out=FILE is missing, or it cannot be written\n", stderr);
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_vcpu_syscall_cb(id, on_syscall);
    qemu_plugin_register_atexit_cb(id, on_exit_of_qemu, NULL);
    atexit(finish); /* semihosting leaves QEMU through exit(), where the callback above is not always reached */
    return 0;
}
