# The protocol library, the rows made of its records, and the vectors they are tested with.
# Listed in t/sources.mk.
vectors_cppflags = $(AM_CPPFLAGS) -DVECTORS_DIR='"$(abs_top_srcdir)/t/vectors"'
EXTRA_DIST += t/vectors/documented.json t/vectors/README.md t/lint/proto-is-pure

if HAVE_CHECK
check_PROGRAMS += t/unit/check_proto t/unit/check_row
TESTS += t/unit/check_proto t/unit/check_row
t_unit_check_proto_SOURCES = \
	t/unit/check_proto.c t/unit/check_proto.h \
	t/unit/check_proto_vectors.c \
	t/unit/check_proto_crc.c \
	t/unit/check_proto_stream.c \
	t/unit/check_proto_avl.c \
	t/unit/check_proto_message.c \
	t/unit/check_proto_hash.c \
	t/unit/check_proto_json.c \
	t/unit/proto_build.c t/unit/proto_build.h \
	t/vectors/vectors.c t/vectors/vectors.h
t_unit_check_proto_CPPFLAGS = $(vectors_cppflags)
t_unit_check_proto_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_check_proto_LDADD = libproto.a $(CHECK_LIBS) $(JANSSON_LIBS)
t_unit_check_row_SOURCES = t/unit/check_row.c worker/row.c worker/row.h \
	t/vectors/vectors.c t/vectors/vectors.h
t_unit_check_row_CPPFLAGS = $(vectors_cppflags)
t_unit_check_row_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_check_row_LDADD = libproto.a $(CHECK_LIBS) $(JANSSON_LIBS)
endif

# It reads the symbols of libproto.a, which `all` has made.
TESTS += t/lint/proto-is-pure
