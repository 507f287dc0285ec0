/* Loads documented.json: see vectors.h. */
#include "t/vectors/vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

uint8_t *
vectors_exact(const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n > 0 ? n : 1);

	if (copy == NULL)
		abort();
	if (n > 0)
		memcpy(copy, p, n);
	return copy;
}

uint8_t *
vectors_unhex(const char *hex, size_t *len)
{
	size_t n = strlen(hex), i;
	uint8_t *bytes;

	if (n % 2 != 0)
		return NULL;
	*len = n / 2;
	bytes = malloc(n > 0 ? n / 2 : 1);
	if (bytes == NULL)
		abort();
	for (i = 0; i < n; i += 2) {
		int high = nibble(hex[i]), low = nibble(hex[i + 1]);

		if (high < 0 || low < 0) {
			free(bytes);
			return NULL;
		}
		bytes[i / 2] = (uint8_t)(high << 4 | low);
	}
	return bytes;
}

static bool
load_one(json_t *entry, struct vector *v)
{
	json_error_t error;
	const char *transport, *hex;

	if (json_unpack_ex(entry, &error, 0, "{s:s, s:s, s:s, s:s, s:o}", "name", &v->name, "codec",
		&v->codec, "transport", &transport, "hex", &hex, "decoded", &v->decoded) == -1) {
		fprintf(stderr, "vector: %s\n", error.text);
		return false;
	}
	v->tcp = strcmp(transport, "tcp") == 0;
	v->bytes = vectors_unhex(hex, &v->len);
	if (v->bytes == NULL)
		fprintf(stderr, "vector %s: not hex\n", v->name);
	return v->bytes != NULL;
}

bool
vectors_load(struct vectors *vs, const char *file)
{
	json_error_t error;
	size_t i, n;

	*vs = (struct vectors){0};
	vs->root = json_load_file(file, 0, &error);
	if (vs->root == NULL) {
		fprintf(stderr, "%s: %s\n", file, error.text);
		return false;
	}
	n = json_array_size(vs->root);
	vs->v = calloc(n > 0 ? n : 1, sizeof(*vs->v));
	if (vs->v == NULL)
		abort();
	for (i = 0; i < n; i++) {
		if (!load_one(json_array_get(vs->root, i), &vs->v[i])) {
			vectors_free(vs);
			return false;
		}
		vs->n++;
	}
	return true;
}

void
vectors_free(struct vectors *vs)
{
	size_t i;

	for (i = 0; i < vs->n; i++)
		free(vs->v[i].bytes);
	free(vs->v);
	json_decref(vs->root);
	*vs = (struct vectors){0};
}
