/* A QEMU plugin that profiles a 64-bit Arm program between two marks: how often each block of instructions was entered, and
 * which of its accesses would have missed the data caches of the board. Two runs of one program give the same bytes.
 *
 * Arguments: out=FILE, from=MARK, to=MARK, less_from=MARK, less_to=MARK: two later marks, what is between them is subtracted
 * (what making marks costs), and cache=BYTES:WAYS as often as wanted: the first is the one that the core asks; each
 * of the others is asked for what the first does not have, and knows nothing of the rest, so that one run tells what caches
 * of several sizes would have missed. FILE gets, in text:
 *   B address times missed... instructions   for each translation of a block, by address: lines missed in each cache, in the
 *                                            order of the arguments; instructions as hexadecimal words of 8 digits. What is
 *                                            subtracted from another translation has a minus.
 *   L start end offset path                  for each part of a file that is mapped, as the kernel says it
 *   E                                        the end
 *
 * Caches: lines of 64 bytes, the least recently used one is replaced, a write fetches its line; they know nothing of
 * prefetching. They are filled from the first mark on, so that what a run finds is what the one before it left.
 * Only what the first processor (QEMU's thread 0) does is simulated: the program has one thread.
 */
#include "plugin_interface.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

EXPORT int qemu_plugin_version = 1;

enum { LINE_SHIFT = 6, CACHES = 6, WORD = 4 };

struct block {
    uint64_t entered;
    uint64_t entered_before; /* the first of two marks */
    int64_t times;           /* between the first two marks, less those between the other two */
    int64_t missed[CACHES];
    struct block *next;
    uint64_t address;
    size_t length;
    uint32_t words[];
};

struct cache {
    uint64_t ways, sets, mask, clock; /* mask is one less than a power of two, and 0 where sets is none */
    uint64_t *lines; /* sets x ways; the number of a line + 1, 0 where empty */
    uint64_t *used;  /* when each was used last */
};

static struct block *blocks;
static struct cache caches[CACHES];
static size_t used_caches;
static uint64_t last_line;
static int64_t from = -1, to = -1, less_from = -1, less_to = -1;
static int counting; /* 1 between the first two marks, -1 between the other two */
static bool simulating, finished;
static FILE *out;

static void *allocate(size_t bytes)
{
    void *memory = calloc(1, bytes);
    if (memory == NULL) {
        fputs("profile_blocks: out of memory\n", stderr);
        abort();
    }
    return memory;
}

/* Whether the cache has the line; if not, it has it now. */
static bool hits(struct cache *cache, uint64_t line)
{
    uint64_t set = cache->mask ? line & cache->mask : line % cache->sets;
    uint64_t *lines = cache->lines + set * cache->ways;
    uint64_t *used = cache->used + set * cache->ways;
    size_t oldest = 0;
    cache->clock++;
    for (size_t way = 0; way < cache->ways; way++) {
        if (lines[way] == line + 1) {
            used[way] = cache->clock;
            return true;
        }
        if (used[way] < used[oldest])
            oldest = way;
    }
    lines[oldest] = line + 1;
    used[oldest] = cache->clock;
    return false;
}

static void touch(struct block *block, uint64_t line)
{
    if (hits(&caches[0], line))
        return;
    block->missed[0] += counting;
    for (size_t i = 1; i < used_caches; i++)
        if (!hits(&caches[i], line))
            block->missed[i] += counting;
}

static void on_access(unsigned cpu, qemu_plugin_meminfo_t info, uint64_t address, void *data)
{
    if (!simulating || cpu != 0)
        return;
    uint64_t first = address >> LINE_SHIFT;
    uint64_t last = (address + (1ull << qemu_plugin_mem_size_shift(info)) - 1) >> LINE_SHIFT;
    if (first == last && first == last_line) /* it is there, and the most recently used */
        return;
    for (uint64_t line = first; line <= last; line++)
        touch(data, line);
    last_line = last;
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    size_t length = qemu_plugin_tb_n_insns(tb);
    struct block *block = allocate(sizeof *block + length * sizeof block->words[0]);
    (void)id;
    block->address = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, 0));
    block->length = length;
    block->next = blocks;
    blocks = block;
    for (size_t i = 0; i < length; i++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(tb, i);
        if (qemu_plugin_insn_size(instruction) == WORD)
            memcpy(&block->words[i], qemu_plugin_insn_data(instruction), WORD);
        if (used_caches != 0)
            qemu_plugin_register_vcpu_mem_cb(instruction, on_access, NO_REGISTERS, READS_AND_WRITES, block);
    }
    qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD_U64, &block->entered, 1);
}

static int by_address(const void *left, const void *right)
{
    const struct block *a = *(struct block *const *)left, *b = *(struct block *const *)right;
    if (a->address != b->address)
        return (a->address > b->address) - (a->address < b->address);
    return (a->length > b->length) - (a->length < b->length);
}

static void write_block(const struct block *block)
{
    fprintf(out, "B %llu %lld", (unsigned long long)block->address, (long long)block->times);
    for (size_t i = 0; i < used_caches; i++)
        fprintf(out, " %lld", (long long)block->missed[i]);
    fputc(' ', out);
    for (size_t i = 0; i < block->length; i++)
        fprintf(out, "%08x", block->words[i]);
    fputc('\n', out);
}

static void write_mapped_files(void)
{
    char line[4352];
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        unsigned long long start, end, offset;
        int path = 0;
        if (sscanf(line, "%llx-%llx %*s %llx %*s %*s %n", &start, &end, &offset, &path) == 3 && line[path] == '/')
            fprintf(out, "L %llu %llu %llu %s", start, end, offset, line + path);
    }
    if (maps != NULL)
        fclose(maps);
}

static void write_profile(void)
{
    size_t n = 0, used = 0;
    for (struct block *block = blocks; block != NULL; block = block->next)
        n++;
    struct block **sorted = allocate((n + 1) * sizeof *sorted);
    for (struct block *block = blocks; block != NULL; block = block->next)
        if (block->times != 0)
            sorted[used++] = block;
    qsort(sorted, used, sizeof *sorted, by_address);
    for (size_t i = 0; i < used; i++)
        write_block(sorted[i]);
    free(sorted);
    write_mapped_files();
    fputs("E\n", out);
    fflush(out);
}

static void begin(int sign)
{
    for (struct block *block = blocks; block != NULL; block = block->next)
        block->entered_before = block->entered;
    counting = sign;
}

static void end(void)
{
    for (struct block *block = blocks; block != NULL; block = block->next)
        block->times += counting * (int64_t)(block->entered - block->entered_before);
    counting = 0;
}

static void on_syscall(qemu_plugin_id_t id, unsigned cpu, int64_t number, uint64_t policy, uint64_t a2, uint64_t a3,
                       uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8)
{
    int64_t mark = mark_of(number, policy);
    (void)id, (void)cpu, (void)a2, (void)a3, (void)a4, (void)a5, (void)a6, (void)a7, (void)a8;
    if (mark < 0 || finished)
        return;
    simulating = true;
    if (mark == to || mark == less_to)
        end();
    else if (mark == from || mark == less_from)
        begin(mark == from ? 1 : -1);
    finished = mark == less_to;
    if (finished)
        write_profile();
    simulating = !finished;
}

/* A cache of BYTES:WAYS; false where there can be none. */
static bool add_cache(const char *size)
{
    char *rest;
    uint64_t lines = strtoull(size, &rest, 0) >> LINE_SHIFT;
    struct cache *cache = &caches[used_caches];
    if (used_caches == CACHES || *rest != ':')
        return false;
    cache->ways = strtoull(rest + 1, NULL, 0);
    if (cache->ways == 0 || lines < cache->ways || lines % cache->ways != 0)
        return false;
    cache->sets = lines / cache->ways;
    cache->mask = cache->sets & (cache->sets - 1) ? 0 : cache->sets - 1;
    cache->lines = allocate(cache->sets * cache->ways * sizeof *cache->lines);
    cache->used = allocate(cache->sets * cache->ways * sizeof *cache->used);
    used_caches++;
    return true;
}

static bool take_argument(const char *argument)
{
    if (strncmp(argument, "out=", 4) == 0)
        return (out = fopen(argument + 4, "w")) != NULL;
    if (strncmp(argument, "from=", 5) == 0)
        return (from = strtoll(argument + 5, NULL, 0)) >= 0;
    if (strncmp(argument, "to=", 3) == 0)
        return (to = strtoll(argument + 3, NULL, 0)) >= 0;
    if (strncmp(argument, "less_from=", 10) == 0)
        return (less_from = strtoll(argument + 10, NULL, 0)) >= 0;
    if (strncmp(argument, "less_to=", 8) == 0)
        return (less_to = strtoll(argument + 8, NULL, 0)) >= 0;
    return strncmp(argument, "cache=", 6) == 0 && add_cache(argument + 6);
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++)
        if (!take_argument(argv[i])) {
            fprintf(stderr, "profile_blocks: cannot use the argument %s\n", argv[i]);
            return -1;
        }
    if (out == NULL || from < 0 || to <= from || less_from < to || less_to <= less_from) {
        fputs("profile_blocks: out=FILE or one of four rising marks is missing\n", stderr);
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_vcpu_syscall_cb(id, on_syscall);
    return 0;
}
