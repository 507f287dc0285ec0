noinst_LIBRARIES += libproto.a
libproto_a_CFLAGS = $(AM_CFLAGS) -Wconversion
libproto_a_SOURCES = \
	proto/stream.c proto/stream.h \
	proto/stranger.c proto/stranger.h \
	proto/crc16.c proto/crc16.h \
	proto/avl.c proto/avl.h \
	proto/hash.c \
	proto/io_json.c proto/io_json.h \
	proto/message.c proto/message.h \
	proto/dictionary.c proto/dictionary.h proto/dictionary_impl.h \
	proto/dictionary_list.c proto/dictionary_list.h \
	proto/dictionary_read.c proto/dictionary_read.h \
	proto/wire.h
nodist_libproto_a_SOURCES = proto/dictionary_table.c
