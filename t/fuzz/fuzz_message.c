/*
 * Fuzz target: what the gateway says. message_write() writes a frame just when it fits and may be said, within memory of
 * exactly the room that it was given; and the reader of the other side finds in it what was put in, and nothing else.
 *
 * Input: codec, type, the IMEI's number (8 bytes), how the room differs from what is needed (1), then the payload.
 */
#include "t/fuzz/fuzz.h"

#include <string.h>

#include "proto/message.h"
#include "proto/stream.h"
#include "proto/wire.h"

#define HEAD 11
#define IMEI_LAST UINT64_C(999999999999999)

struct said {
	uint8_t codec, type;
	uint64_t imei;
	const uint8_t *payload;
	size_t len;
};

static void
check_frame(const struct said *s, const uint8_t *frame, size_t len)
{
	uint8_t *exact = vectors_exact(frame, len);
	struct stream_item item;
	struct message_walk walk;
	struct message m;

	REQUIRE(stream_next(exact, len, true, &item) == STREAM_FRAME);
	REQUIRE(item.len == len && item.crc_ok);
	REQUIRE(message_open(&walk, item.body, item.body_len) == MESSAGE_OK);
	REQUIRE(message_next(&walk, &m) == MESSAGE_OK);
	REQUIRE(m.codec == s->codec && m.type == s->type && !m.has_time);
	REQUIRE(m.imei == (s->codec == CODEC_14 ? s->imei : 0));
	REQUIRE(m.payload_len == s->len && memcmp(m.payload, s->payload, s->len) == 0);
	REQUIRE(message_next(&walk, &m) == MESSAGE_END);
	free(exact);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct said s;
	size_t body, need, room, got;
	uint8_t *out, *command;
	bool may;

	if (size < HEAD)
		return 0;
	s = (struct said){
	    .codec = data[0], .type = data[1], .payload = data + HEAD, .len = size - HEAD};
	/* Half of them are IMEIs. */
	s.imei = wire_u64(data + 2) % (2 * (IMEI_LAST + 1));
	body = 8 + s.len + (s.codec == CODEC_14 ? 8 : 0);
	need = body + FRAME_OVERHEAD;
	room = need + data[10] - 100;
	if (data[10] < 100 && need < 100u - data[10])
		room = 0;
	may = (s.codec == CODEC_12 || s.codec == CODEC_14) && s.imei <= IMEI_LAST &&
	      body <= FRAME_BODY_MAX && need <= room;
	out = malloc(room > 0 ? room : 1);
	REQUIRE(out != NULL);
	got = message_write(s.codec, s.type, s.imei, s.payload, s.len, out, room);
	REQUIRE(got == (may ? need : 0));
	if (may) {
		check_frame(&s, out, got);
		command = malloc(got);
		REQUIRE(command != NULL);
		REQUIRE(message_write_command(
			    s.codec, s.imei, (const char *)s.payload, s.len, command, got) == got);
		s.type = MESSAGE_COMMAND;
		check_frame(&s, command, got);
		free(command);
	}
	free(out);
	return 0;
}

/* The vector as a payload, of the two codecs in turn. */
size_t
fuzz_seed(const struct vector *v, uint8_t out[FUZZ_SEED_MAX])
{
	static unsigned turn;
	size_t len = v->len < FRAME_BODY_MAX - 16 ? v->len : FRAME_BODY_MAX - 16;

	turn++;
	out[0] = turn % 2 != 0 ? CODEC_12 : CODEC_14;
	out[1] = MESSAGE_COMMAND;
	wire_put_u64(out + 2, UINT64_C(352093081452251));
	out[10] = 100 + turn % 3;
	memcpy(out + HEAD, v->bytes, len);
	return HEAD + len;
}
