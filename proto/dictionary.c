/* What IO elements mean: see dictionary.h. */
#include "proto/dictionary.h"

#include "proto/dictionary_impl.h"
#include "proto/wire.h"

#define MODEL_MAX 15 /* characters of a model's name that can matter */

const char *
dictionary_text(uint32_t offset)
{
	return dictionary_texts + offset;
}

/* The classes of read.awk. */
unsigned
dictionary_class(const struct avl_io *io)
{
	uint32_t v;

	if (io->variable || io->len > 4)
		return io->len == 8 ? 6 : 7;
	if (io->len == 1)
		return io->value[0] > INT8_MAX;
	v = io->len == 2 ? wire_u16(io->value) : wire_u32(io->value);
	if (v <= UINT8_MAX)
		return v > INT8_MAX;
	if (v <= UINT16_MAX)
		return v > INT16_MAX ? 3 : 2;
	return v > INT32_MAX ? 5 : 4;
}

size_t
dictionary_rows_of(uint16_t id, const struct dictionary_row **first)
{
	if (id > dictionary_largest) {
		*first = NULL;
		return 0;
	}
	*first = &dictionary_rows[dictionary_first[id]];
	return (size_t)(dictionary_first[id + 1] - dictionary_first[id]);
}

const struct dictionary_row *
dictionary_find(uint64_t families, uint16_t id, unsigned value_class)
{
	const struct dictionary_row *row, *found = NULL;
	size_t n = dictionary_rows_of(id, &row);

	for (; n > 0; n--, row++) {
		if ((families & row->families) == 0 || (row->fits >> value_class & 1) == 0)
			continue;
		if (found != NULL && found->agree != row->agree)
			return NULL;
		if (found == NULL)
			found = row;
	}
	return found;
}

unsigned
dictionary_count(void)
{
	return dictionary_nfamilies;
}

const char *
dictionary_family_name(unsigned family)
{
	return dictionary_text(dictionary_families[family].name);
}

const char *
dictionary_group_name(unsigned family)
{
	return dictionary_text(dictionary_families[family].group);
}

uint64_t
dictionary_all(void)
{
	return (UINT64_C(1) << dictionary_nfamilies) - 1;
}

/* The families that can send this id with such a value; 0 if the dictionary knows of none. */
static uint64_t
senders_of(uint16_t id, unsigned value_class)
{
	const struct dictionary_row *row;
	size_t n = dictionary_rows_of(id, &row);
	uint64_t families = 0;

	for (; n > 0; n--, row++)
		if ((row->fits >> value_class & 1) != 0)
			families |= row->families;
	return families;
}

static char
upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static uint64_t
model_exactly(const char *name, size_t n)
{
	for (unsigned i = 0; i < dictionary_nmodels; i++) {
		const char *model = dictionary_text(dictionary_models[i].name);
		size_t same = 0;

		while (same < n && model[same] == name[same])
			same++;
		if (same == n && model[n] == '\0')
			return UINT64_C(1) << dictionary_models[i].family;
	}
	return 0;
}

/*
 * What is printed on the box is letters, a number, and perhaps a letter and a digit; order codes and
 * habits add to it ("Teltonika FMB920-BTZ501", "fmc 130"). The longest that the list knows is taken.
 */
uint64_t
dictionary_model(const char *model)
{
	static const char maker[] = "TELTONIKA";
	char name[MODEL_MAX + 1] = {0};
	size_t n = 0, letters = 0, end, skip = 0;
	uint64_t family = 0;

	if (model == NULL)
		return 0;
	while (skip < sizeof(maker) - 1 && upper(model[skip]) == maker[skip])
		skip++;
	if (skip == sizeof(maker) - 1)
		model += skip;
	for (; *model != '\0' && n < MODEL_MAX; model++) {
		char c = upper(*model);

		if (is_digit(c) || (c >= 'A' && c <= 'Z'))
			name[n++] = c;
		else if (c != ' ' && c != '-' && c != '_')
			break;
	}
	while (letters < n && !is_digit(name[letters]))
		letters++;
	for (end = letters; end < n && is_digit(name[end]);)
		end++;
	/* FM36M1: a letter and a digit; FMC00A: a letter; FMB920: neither. */
	for (size_t more = 3; more-- > 0 && family == 0;)
		if (end + more <= n && end > letters)
			family = model_exactly(name, end + more);
	return family;
}

const char *
dictionary_model_name(unsigned i, unsigned *family)
{
	if (i >= dictionary_nmodels)
		return NULL;
	*family = dictionary_models[i].family;
	return dictionary_text(dictionary_models[i].name);
}

void
dictionary_family_of(
    struct dictionary_family *f, const char *model, const struct avl_record *record)
{
	struct avl_io_walk walk;
	struct avl_io io;

	f->how = DICTIONARY_BY_MODEL;
	f->families = dictionary_model(model);
	if (f->families != 0)
		return;
	f->families = dictionary_all();
	avl_io_start(&walk, record);
	while (avl_io_next(&walk, &io)) {
		uint64_t senders = senders_of(io.id, dictionary_class(&io));

		if (senders != 0)
			f->families &= senders;
	}
	f->how = DICTIONARY_OPEN;
	if (f->families == 0) {
		f->families = dictionary_all();
		f->how = DICTIONARY_CONTRADICTION;
	} else if ((f->families & (f->families - 1)) == 0) {
		f->how = DICTIONARY_BY_ELEMENTS;
	}
}

const char *
dictionary_family_text(const struct dictionary_family *f)
{
	const char *group = NULL;
	unsigned last = 0, n = 0;

	for (unsigned i = 0; i < dictionary_nfamilies; i++) {
		if ((f->families >> i & 1) == 0)
			continue;
		if (n++ > 0 && dictionary_families[i].group != dictionary_families[last].group)
			return NULL;
		last = i;
		group = dictionary_group_name(i);
	}
	return n == 1 ? dictionary_family_name(last) : group;
}
