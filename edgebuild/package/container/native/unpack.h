/* Restores a file from an edgebuild container (.ebz), byte for byte. C99, no library, no heap: docs/container.md. */

#ifndef EBZ_UNPACK_H_
#define EBZ_UNPACK_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    EBZ_NO_CONTAINER = -1, /* it does not begin as one, or is of another version */
    EBZ_DAMAGED = -2,      /* it does not hold together, or what came out has another CRC-32 */
    EBZ_TOO_SMALL = -3     /* one of the caller's buffers */
};

/* Bytes of the file in the container, or a negative error. */
int32_t ebz_size(const uint8_t *container, size_t length);

/* Bytes of memory that ebz_unpack needs to work in (0.1 to 1.2 MB, by the container), or a negative error. */
int32_t ebz_work_size(const uint8_t *container, size_t length);

/* Writes the file to `out`. `work` is aligned as a uint32_t. No buffer needs to be cleared, and nothing outside of them
   is read or written, whatever the container holds. Returns the size of the file, or a negative error. */
int32_t ebz_unpack(const uint8_t *container, size_t length, uint8_t *out, size_t out_length, void *work,
                   size_t work_length);

#ifdef __cplusplus
}
#endif

#endif
