/* Runs the model on every sample of inputs.bin and writes what comes out to outputs.bin, sample after sample, in the order
 * of the model's inputs and outputs. The arena is the only memory of the model. */
#include "harness_ports.h"
#include "start.h"

static uint8_t arena[HARNESS_ARENA_BYTES] __attribute__((aligned(16), section(".arena")));

uint32_t harness_invoke(void *arena);

static int32_t must_open(const char *name, enum open_mode mode)
{
    int32_t file = host_open(name, mode);
    if (file < 0) {
        host_say(name, 0);
        host_exit(EXIT_NO_FILE);
    }
    return file;
}

void main_loop(void)
{
    int32_t inputs = must_open("inputs.bin", OPEN_READ);
    int32_t outputs = must_open("outputs.bin", OPEN_WRITE);
    uint32_t deepest = 0, samples = 0;
    for (uint32_t left = (uint32_t)host_length(inputs); left >= HARNESS_SAMPLE_BYTES; left -= HARNESS_SAMPLE_BYTES) {
        for (uint32_t i = 0; i < HARNESS_INPUTS; i++)
            if (host_read(inputs, harness_input(i, arena), harness_input_bytes[i]) != 0u)
                host_exit(EXIT_NO_FILE);
        uint32_t used = harness_invoke(arena);
        if (used > deepest)
            deepest = used;
        for (uint32_t i = 0; i < HARNESS_OUTPUTS; i++)
            if (host_write(outputs, harness_output(i, arena), harness_output_bytes[i]) != 0u)
                host_exit(EXIT_NO_FILE);
        samples++;
    }
    host_close(outputs);
    host_say("samples", samples);
    host_say("stack", deepest);
}
