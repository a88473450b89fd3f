/* Restores a file from an edgebuild container (.ebz): see unpack.h, and docs/container.md for the format. */

#include "unpack.h"

enum {
    HEAD = 45, /* magic, version, size, CRC-32, SHA-256, logarithm of the slots */
    INPUTS = 7,
    SETS = 28,
    SYMBOL_BITS = 14,
    MATCH_BITS = 12,
    COLUMNS = 4096,
    LARGEST_LOGIT = 2047,
    WEIGHT_LIMIT = 1 << 19
};

#define STEP 0x632BE5ABu
#define SPREAD 0x9E3779B1u

/* 65536 / (1 + exp(-x)) at x = -8, -7.5, ..., 8 */
static const uint16_t squash_knots[33] = {22,    36,    60,    98,    162,   267,   439,   720,   1179,  1921,  3108,
                                          4971,  7812,  11955, 17625, 24743, 32768, 40793, 47911, 53581, 57724, 60565,
                                          62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438, 65476, 65500, 65514};

/* What one model learns: probabilities in slots, and how far each of its inputs is trusted. */
struct model {
    uint32_t *slots;
    int32_t weights[SETS][INPUTS];
    int inputs, limit, shift;
};

struct work {
    struct model bytes, flags, tree;
    int16_t stretch[4096];
    uint32_t seen[1 << MATCH_BITS];
    uint8_t columns[COLUMNS];
    uint32_t symbol_slots[1 << SYMBOL_BITS];
    uint32_t slots[1]; /* as many as the container asks for */
};

struct state {
    const uint8_t *in, *end;
    uint32_t code, range;
    uint8_t *out;
    struct work *work;
    int bits;
    uint64_t history;
    uint32_t match, length;
};

static uint32_t word(const uint8_t *at) {
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint32_t next_byte(struct state *s) { return s->in < s->end ? *s->in++ : 0; }

/* Beyond 2^32 the head is damaged; what comes out is checked by whoever asks. */
static uint32_t varint(struct state *s) {
    uint32_t value = 0;
    for (int shift = 0; shift < 35; shift += 7) {
        uint32_t byte = next_byte(s);
        value |= (byte & 0x7F) << (shift < 32 ? shift : 31);
        if (byte < 0x80) break;
    }
    return value;
}

static uint32_t decode(struct state *s, uint32_t one) {
    uint32_t bound = (uint32_t)((uint64_t)s->range * one >> 16), bit = s->code < bound;
    if (bit) {
        s->range = bound;
    } else {
        s->code -= bound;
        s->range -= bound;
    }
    while (s->range < 1u << 24) {
        s->range <<= 8;
        s->code = s->code << 8 | next_byte(s);
    }
    return bit;
}

static void learn(uint32_t *slot, uint32_t bit, uint32_t limit) {
    uint32_t one = *slot >> 10, seen = *slot & 1023;
    uint32_t step = (bit ? 0x3FFFFF - one : one) * 2 / (2 * seen + 3);
    one = bit ? one + step : one - step;
    *slot = one << 10 | (seen < limit ? seen + 1 : seen);
}

static int32_t clamp(int64_t value, int32_t limit) {
    return value < -limit ? -limit : value > limit ? limit : (int32_t)value;
}

static uint32_t squash(int32_t logit) {
    uint32_t place = (uint32_t)(logit + 2048) >> 7, part = (uint32_t)(logit + 2048) & 127;
    return (squash_knots[place] * (128 - part) + squash_knots[place + 1] * part + 64) >> 7;
}

/* Rounds down, also below zero, whatever a shift to the right does here. */
static int64_t shifted(int64_t value, int by) { return value >= 0 ? value >> by : ~(~value >> by); }

static uint32_t mixed_bit(struct state *s, struct model *m, const uint32_t *places, uint32_t set) {
    int32_t logits[INPUTS], *weights = m->weights[set];
    int64_t sum = 0;
    for (int i = 0; i < m->inputs; i++) {
        logits[i] = s->work->stretch[m->slots[places[i]] >> 20];
        sum += (int64_t)weights[i] * logits[i];
    }
    uint32_t one = squash(clamp(shifted(sum, 16), LARGEST_LOGIT)), bit = decode(s, one);
    int32_t error = (int32_t)(bit << 16) - (int32_t)one;
    for (int i = 0; i < m->inputs; i++)
        weights[i] = clamp(weights[i] + shifted((int64_t)logits[i] * error, m->shift), WEIGHT_LIMIT);
    for (int i = 0; i < m->inputs; i++) learn(&m->slots[places[i]], bit, (uint32_t)m->limit);
    return bit;
}

static uint32_t place_of(uint32_t context, uint32_t number, int bits) {
    uint32_t mixed = (context + number * STEP) * SPREAD;
    return ((mixed ^ mixed >> 15) * 0x85EBCA6Bu) >> (32 - bits);
}

static void fill(uint32_t *slots, uint32_t count) {
    while (count--) *slots++ = 1u << 31;
}

static void start(struct model *m, uint32_t *slots, int bits, int inputs, int limit, int shift) {
    m->slots = slots;
    m->inputs = inputs;
    m->limit = limit;
    m->shift = shift;
    for (int set = 0; set < SETS; set++)
        for (int i = 0; i < INPUTS; i++) m->weights[set][i] = (5 << 14) / inputs;
    fill(slots, 1u << bits);
}

static uint32_t smaller(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* Any bytes: docs/container.md, BYTES. */
static void code_bytes(struct state *s, uint32_t position, uint32_t end) {
    struct model *m = &s->work->bytes;
    for (; position < end; position++) {
        uint32_t contexts[6], places[INPUTS], node = 1;
        for (uint32_t i = 0; i < 6; i++) {
            uint64_t context = i < 5 ? s->history & ((UINT64_C(1) << 8 * i) - 1)
                                     : (s->history >> 24 & 0xFF) << 16 | s->history >> 56 << 8 | (position & 3);
            contexts[i] = ((uint32_t)context + (i + 1) * STEP) * SPREAD;
        }
        uint32_t expected = s->length ? 256u | s->out[s->match] : 0;
        for (int shift = 7; shift >= 0; shift--) {
            uint32_t known = 0, length = expected >> (shift + 1) == node ? s->length : 0;
            for (int i = 0; i < 6; i++) {
                places[i] = place_of(contexts[i] ^ node * 0x01000193u, 0, s->bits);
                known += (m->slots[places[i]] & 1023) > 0;
            }
            places[6] = place_of(smaller(length, 31) << 1 | (length ? expected >> shift & 1 : 0), 9, s->bits);
            uint32_t set = known * 4 + ((smaller(length, 24) + 7) >> 3);
            node = node * 2 | mixed_bit(s, m, places, smaller(set, SETS - 1));
        }
        s->out[position] = (uint8_t)node;
        s->history = s->history << 8 | (node & 0xFF);
        if (s->length && s->out[s->match] == s->out[position]) {
            s->length++;
            s->match++;
        } else {
            s->length = 0;
        }
        uint32_t *seen = &s->work->seen[((uint32_t)s->history * SPREAD) >> (32 - MATCH_BITS)];
        if (!s->length && *seen) {
            s->match = *seen;
            s->length = 1;
        }
        *seen = position + 1;
    }
}

/* The bytes of numbers of `width` bytes: PLANES. */
static void code_planes(struct state *s, uint32_t position, uint32_t end, uint32_t width) {
    uint32_t *slots = s->work->symbol_slots, plane = 0;
    fill(slots, 256 * width);
    for (; position < end; position++) {
        uint32_t node = 1;
        while (node < 256) {
            uint32_t *slot = &slots[plane * 256 + node], one = *slot >> 16;
            uint32_t bit = decode(s, one ? one : 1);
            learn(slot, bit, 255);
            node = node * 2 | bit;
        }
        s->out[position] = (uint8_t)node;
        plane = plane + 1 == width ? 0 : plane + 1;
    }
}

static int is_other(const uint8_t *number, const uint8_t *first, uint32_t width) {
    for (uint32_t i = 0; i < width; i++)
        if (number[i] != first[i]) return 1;
    return 0;
}

static uint32_t ones(uint32_t value) {
    uint32_t count = 0;
    for (; value; value &= value - 1) count++;
    return count;
}

/* Numbers of a small alphabet: SYMBOLS. */
static void code_symbols(struct state *s, uint32_t begin, uint32_t count, uint32_t width, uint32_t stride,
                         const uint8_t *alphabet, uint32_t letters) {
    struct work *w = s->work;
    uint32_t recent = 0, last = 0, column = 0, places[INPUTS];
    int bits = 0;
    while (letters >= 2 && (letters - 2) >> bits) bits++;
    start(&w->flags, w->symbol_slots, SYMBOL_BITS, 6, 1023, 18);
    start(&w->tree, w->symbol_slots, SYMBOL_BITS, 3, 1023, 18);
    for (int i = 0; i < COLUMNS; i++) w->columns[i] = 0;
    for (uint32_t number = 0; number < count; number++) {
        uint8_t *at = s->out + begin + number * width, *near = &w->columns[column % COLUMNS];
        uint32_t upper = 0, many = ones(recent & 0xFFFF), index = 0;
        for (uint32_t up = 1; up <= 3 && stride && number / up >= stride; up++)
            upper |= (uint32_t)is_other(at - (size_t)stride * up * width, alphabet, width) << (up - 1);
        uint32_t contexts[6] = {many << 2 | (recent & 3),
                                recent & 0xFF,
                                upper << 1 | (recent & 1),
                                *near >> 3,
                                (uint32_t)*near >> 5 << 5 | many,
                                ones(recent) << 3 | upper};
        for (uint32_t i = 0; i < 6; i++) places[i] = place_of(contexts[i], i, SYMBOL_BITS);
        uint32_t other = mixed_bit(s, &w->flags, places, 0);
        *near = (uint8_t)(other ? *near + ((255 - *near) >> 3) : *near - (*near >> 3));
        recent = recent << 1 | other;
        if (other && letters > 1) {
            uint32_t node = 1, above = stride && number >= stride ? at[-(ptrdiff_t)((size_t)stride * width)] : 0;
            for (int i = 0; i < bits; i++) {
                places[0] = place_of(node, 6, SYMBOL_BITS);
                places[1] = place_of(node << 8 | last, 7, SYMBOL_BITS);
                places[2] = place_of(node << 8 | above, 8, SYMBOL_BITS);
                node = node * 2 | mixed_bit(s, &w->tree, places, 0);
            }
            index = smaller(node - (1u << bits), letters - 2) + 1;
            last = alphabet[index * width];
        }
        for (uint32_t i = 0; i < width; i++) at[i] = alphabet[index * width + i];
        column = column + 1 == stride ? 0 : stride ? column + 1 : 0;
    }
}

static uint32_t crc32(const uint8_t *data, uint32_t length) {
    uint32_t crc = ~0u;
    while (length--) {
        crc ^= *data++;
        for (int i = 0; i < 8; i++) crc = crc >> 1 ^ (0xEDB88320u & (0u - (crc & 1)));
    }
    return ~crc;
}

/* Reads one span of the head; what it leaves in `stride` is 0 for spans without rows. Returns its kind. */
static uint32_t read_span(struct state *head, uint32_t *count, uint32_t *stride, uint32_t *letters,
                          const uint8_t **alphabet) {
    uint32_t kind = next_byte(head);
    *count = varint(head);
    *stride = *letters = 0;
    if ((kind & 15) == 2) {
        *stride = varint(head);
        *letters = varint(head);
        *alphabet = head->in;
        uint64_t length = (uint64_t)*letters * (kind >> 4);
        head->in = length <= (uint64_t)(head->end - head->in) ? head->in + length : head->end;
    }
    return kind;
}

/* Whether the spans are of known kinds, lie in the container, and make `size` bytes; `head` stands behind them then. */
static int spans_fit(struct state *head, uint32_t spans, uint32_t size) {
    uint64_t total = 0;
    while (spans--) {
        uint32_t count, stride, letters;
        const uint8_t *alphabet = head->in;
        uint32_t kind = read_span(head, &count, &stride, &letters, &alphabet);
        uint32_t coding = kind & 15, width = kind >> 4;
        if (coding > 2 || (width != 1 && width != 2 && width != 4) || (coding == 0 && width != 1)) return 0;
        if (coding == 2 && (letters < 1 || letters > 256 || (size_t)(head->in - alphabet) < letters * width)) return 0;
        total += (uint64_t)count * width;
        if (total > size) return 0;
    }
    return total == size;
}

int32_t ebz_size(const uint8_t *container, size_t length) {
    if (length < 4 || container[0] != 'E' || container[1] != 'B' || container[2] != 'Z' || container[3] != 1)
        return EBZ_NO_CONTAINER;
    if (length < HEAD || word(container + 4) > 0x7FFFFFFF || container[44] < 12 || container[44] > 18)
        return EBZ_DAMAGED;
    return (int32_t)word(container + 4);
}

int32_t ebz_work_size(const uint8_t *container, size_t length) {
    int32_t size = ebz_size(container, length);
    return size < 0 ? size : (int32_t)(sizeof(struct work) + (sizeof(uint32_t) << container[44]));
}

int32_t ebz_unpack(const uint8_t *container, size_t length, uint8_t *out, size_t out_length, void *work,
                   size_t work_length) {
    int32_t size = ebz_size(container, length), needed = ebz_work_size(container, length);
    if (size < 0) return size;
    if (out_length < (size_t)size || work_length < (size_t)needed) return EBZ_TOO_SMALL;
    struct state head = {.in = container + HEAD, .end = container + length}, s = head;
    struct work *w = s.work = work;
    uint32_t spans = varint(&head), position = 0;
    s = head;
    if (!spans_fit(&s, spans, (uint32_t)size)) return EBZ_DAMAGED;
    s.work = w;
    s.out = out;
    s.bits = container[44];
    s.range = ~0u;
    for (int i = 0; i < 4; i++) s.code = s.code << 8 | next_byte(&s);
    for (int32_t logit = -LARGEST_LOGIT, filled = 0; filled < 4096; logit++)
        while (filled < 4096 && (logit > LARGEST_LOGIT || filled <= (int32_t)(squash(logit) >> 4)))
            w->stretch[filled++] = (int16_t)(logit > LARGEST_LOGIT ? LARGEST_LOGIT : logit);
    for (int i = 0; i < 1 << MATCH_BITS; i++) w->seen[i] = 0;
    start(&w->bytes, w->slots, s.bits, INPUTS, 127, 14);
    while (spans--) {
        uint32_t count, stride, letters;
        const uint8_t *alphabet = head.in;
        uint32_t kind = read_span(&head, &count, &stride, &letters, &alphabet), width = kind >> 4;
        if ((kind & 15) == 0) code_bytes(&s, position, position + count);
        if ((kind & 15) == 1) code_planes(&s, position, position + count * width, width);
        if ((kind & 15) == 2) code_symbols(&s, position, count, width, stride, alphabet, letters);
        position += count * width;
    }
    return crc32(out, (uint32_t)size) == word(container + 8) ? size : EBZ_DAMAGED;
}
