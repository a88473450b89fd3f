/* Declarations of QEMU's plugin interface of version 1, which QEMU 7.2 speaks (docs/devel/tcg-plugins.rst there), as far as the
 * plugins here use it; distributions do not ship its header. And how a program under Linux tells a plugin where it is.
 */
#ifndef EDGEBUILD_PLUGIN_INTERFACE_H
#define EDGEBUILD_PLUGIN_INTERFACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
typedef uint32_t qemu_plugin_meminfo_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { INLINE_ADD_U64 = 0, NO_REGISTERS = 0, READS_AND_WRITES = 3 };

typedef void (*syscall_callback)(qemu_plugin_id_t, unsigned, int64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                                 uint64_t, uint64_t, uint64_t);
typedef void (*memory_callback)(unsigned, qemu_plugin_meminfo_t, uint64_t, void *);

extern void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, struct qemu_plugin_tb *));
extern void qemu_plugin_register_vcpu_syscall_cb(qemu_plugin_id_t, syscall_callback);
extern void qemu_plugin_register_atexit_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, void *), void *);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
extern const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *);
extern size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *);
extern void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *, int, void *, uint64_t);
extern void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *, void (*)(unsigned, void *), int, void *);
extern void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *, memory_callback, int, int, void *);
extern unsigned qemu_plugin_mem_size_shift(qemu_plugin_meminfo_t);

enum { PRIORITY_MAX_64 = 125, PRIORITY_MAX_32 = 159 }; /* sched_get_priority_max on AArch64 and on 32-bit Arm */
enum { POLICY = 0x5eed0000, POLICY_MASK = 0xffff0000 };

/* The number that a program marks its place with, by asking for the highest priority of scheduling policy 0x5eed0000 +
 * number, which does not exist; -1 for every other call. */
static inline int64_t mark_of(int64_t number, uint64_t policy)
{
    if ((number != PRIORITY_MAX_64 && number != PRIORITY_MAX_32) || (policy & POLICY_MASK) != POLICY)
        return -1;
    return (int64_t)(policy & 0xffff);
}

#endif
