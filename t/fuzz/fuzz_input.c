/*
 * Fuzz target: bytes for tgctl decode, from a file. Binary they are what stands there; as hex text, in each form in which
 * bytes can be written, they come back as they were; and whatever text it is, what comes out is no longer than it.
 *
 * Input: the file.
 */
#include "t/fuzz/fuzz.h"

#include <string.h>

#include "t/fuzz/file.h"
#include "tool/hex_text.h"
#include "tool/input.h"

/* Reads it; what is said of a file that can't be read goes nowhere. False: it can't. */
static bool
read_as(enum input_form form, const uint8_t *p, size_t n, uint8_t **bytes, size_t *len)
{
	static FILE *nowhere;
	FILE *saved = stderr;
	bool ok;

	if (nowhere == NULL)
		nowhere = fopen("/dev/null", "w");
	REQUIRE(nowhere != NULL);
	stderr = nowhere;
	ok = input_read(fuzz_file(p, n, p, 0), form, bytes, len);
	stderr = saved;
	REQUIRE(ok || *bytes == NULL);
	return ok;
}

static void
expect(enum input_form form, const uint8_t *p, size_t n, const uint8_t *want, size_t want_len)
{
	uint8_t *got;
	size_t len;

	REQUIRE(read_as(form, p, n, &got, &len));
	REQUIRE(len == want_len && memcmp(got, want, len) == 0);
	free(got);
}

/* A text that grows; there is room for it. */
struct text {
	char *p;
	size_t n;
};

static void
put(struct text *t, const char *s)
{
	for (; *s != '\0'; s++)
		t->p[t->n++] = *s;
}

static void
put_byte(struct text *t, uint8_t byte)
{
	static const char digits[] = "0123456789abcdef";

	t->p[t->n++] = digits[byte >> 4];
	t->p[t->n++] = digits[byte & 15];
}

/* Lines of `per_line` bytes, each behind `before`; the first line is `first`, the last has no end. */
static void
expect_written(const uint8_t *p, size_t n, const char *first, const char *before, size_t per_line)
{
	struct text t = {.p = malloc(strlen(first) + n * (strlen(before) + 3) + 1)};

	REQUIRE(t.p != NULL);
	put(&t, first);
	for (size_t i = 0; i < n; i++) {
		put(&t, i > 0 && i % per_line == 0 ? "\n" : "");
		put(&t, before);
		put_byte(&t, p[i]);
	}
	expect(INPUT_HEX, (const uint8_t *)t.p, t.n, p, n);
	free(t.p);
}

/* As xxd writes it. */
static void
expect_dumped(const uint8_t *p, size_t n)
{
	struct text t = {.p = malloc(n * 6 + 64)};

	REQUIRE(t.p != NULL);
	for (size_t i = 0; i < n; i++) {
		if (i % 16 == 0) {
			put(&t, i > 0 ? "  ..|\n" : "");
			for (int shift = 24; shift >= 0; shift -= 8)
				put_byte(&t, (uint8_t)(i >> shift));
			put(&t, ": ");
		}
		put_byte(&t, p[i]);
		put(&t, i % 2 == 1 ? " " : "");
	}
	expect(INPUT_HEX, (const uint8_t *)t.p, t.n, p, n);
	free(t.p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool likely = hex_text_likely(data, size);
	uint8_t *hex, *bytes;
	size_t hex_len = 0, len;
	bool is_hex;

	expect(INPUT_BINARY, data, size, data, size);
	is_hex = read_as(INPUT_HEX, data, size, &hex, &hex_len);
	REQUIRE(!is_hex || hex_len <= size);
	if (likely) {
		REQUIRE(read_as(INPUT_AUTO, data, size, &bytes, &len) == is_hex);
		REQUIRE(!is_hex || (len == hex_len && memcmp(bytes, hex, len) == 0));
		free(bytes);
	} else {
		expect(INPUT_AUTO, data, size, data, size);
	}
	free(hex);
	if (size > 0)
		expect_written(data, size, "", "", 32);
	/* Of a long one these would make too long texts. */
	if (size > 0 && size < 2000) {
		expect_written(data, size, "# a comment\n", "0x", 7);
		expect_written(data, size, "", "\\x", size);
		expect_dumped(data, size);
	}
	return 0;
}

/* The vector in one of the forms in which people keep bytes. */
size_t
fuzz_seed(const struct vector *v, uint8_t out[FUZZ_SEED_MAX])
{
	static const struct {
		const char *before, *between, *after;
	} forms[] = {
	    {"", "", "\n"},
	    {"2026-11-30 10:00:00 INFO [T1] HEX: ", "", "\n"},
	    {"b'\\x", "\\x", "'\n"},
	    {"{0x", ", 0x", "}"},
	    {"00000000: ", " ", "  ..x\n"},
	    {"2026-11-30T10:00:00Z > ", "", ""},
	};
	static unsigned turn;
	unsigned form = turn++ % (sizeof(forms) / sizeof(forms[0]));
	/* The bytes matter little, a few will do; but there are long files. */
	size_t len = v->len < 40 || v->len > 10000 ? v->len : 40;
	struct text t = {.p = (char *)out};

	/* Few of each kind: it is the forms that differ. */
	if (turn % 3 != 0 && (turn > 2 * sizeof(forms) / sizeof(forms[0]) || v->len > 10000))
		return 0;
	put(&t, forms[form].before);
	for (size_t i = 0; i < len && t.n + 16 < FUZZ_SEED_MAX; i++) {
		put(&t, i > 0 ? forms[form].between : "");
		put_byte(&t, v->bytes[i]);
	}
	put(&t, forms[form].after);
	return t.n;
}
