/* Runs the model on every sample of inputs.bin and writes what comes out to outputs.bin, sample after sample, in the order
 * of the model's inputs and outputs. The arena is the only memory of the model. */
#include "harness_ports.h"
#include "start.h"

static uint8_t arena[HARNESS_ARENA_BYTES] __attribute__((aligned(16), section(".arena")));

extern uint8_t _arena_end[], _beyond_end[];

enum { UNTOUCHED = 0xa7 };

uint32_t harness_invoke(void *arena);

static void mark_beyond(void)
{
    for (uint8_t *at = _arena_end; at < _beyond_end; at++)
        *(volatile uint8_t *)at = UNTOUCHED;
}

static void check_beyond(void)
{
    for (const uint8_t *at = _arena_end; at < _beyond_end; at++)
        if (*(const volatile uint8_t *)at != UNTOUCHED) {
            host_say("beyond", (uint32_t)(at - _arena_end));
            host_exit(EXIT_ARENA_OVERFLOW);
        }
}

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
        mark_beyond();
        uint32_t used = harness_invoke(arena);
        check_beyond();
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
