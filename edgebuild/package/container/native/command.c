/* unpack CONTAINER FILE: the decoder as a program, for build hosts and tests. */

#include <stdio.h>
#include <stdlib.h>

#include "unpack.h"

static uint8_t *read_all(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END)) return NULL;
    long size = ftell(file);
    rewind(file);
    uint8_t *data = size < 0 ? NULL : malloc((size_t)size + !size);
    *length = data ? fread(data, 1, (size_t)size, file) : 0;
    fclose(file);
    return data;
}

int main(int count, char **arguments) {
    size_t length = 0;
    uint8_t *container = count == 3 ? read_all(arguments[1], &length) : NULL;
    if (!container) return fprintf(stderr, "unpack CONTAINER FILE: cannot read the container\n"), 2;
    int32_t size = ebz_size(container, length), needed = ebz_work_size(container, length);
    uint8_t *out = size > 0 ? malloc((size_t)size) : NULL;
    void *work = needed > 0 ? malloc((size_t)needed) : NULL;
    int32_t done = size > 0 && out && work ? ebz_unpack(container, length, out, (size_t)size, work, (size_t)needed) : size;
    if (done < 0 || done != size) return fprintf(stderr, "unpack: error %d\n", (int)done), 1;
    FILE *file = fopen(arguments[2], "wb");
    if (!file || fwrite(out, 1, (size_t)size, file) != (size_t)size || fclose(file)) return 2;
    free(out);
    free(work);
    free(container);
    return 0;
}
