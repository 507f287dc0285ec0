# tgctl: arguments, input, output, and the migrations embedded in it. Listed in t/sources.mk.
if HAVE_CHECK
check_PROGRAMS += t/unit/check_tool t/unit/check_capture t/unit/check_why
TESTS += t/unit/check_tool t/unit/check_capture t/unit/check_why
t_unit_check_tool_SOURCES = t/unit/check_tool.c
t_unit_check_tool_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_check_tool_LDADD = libtgctl.a libmigrations.a libproto.a libcommon.a \
	$(LIBPQ_LIBS) $(JANSSON_LIBS) $(CHECK_LIBS)
t_unit_check_capture_SOURCES = t/unit/check_capture.c
t_unit_check_capture_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_check_capture_LDADD = libtgctl.a libproto.a libcommon.a \
	$(LIBPQ_LIBS) $(JANSSON_LIBS) $(CHECK_LIBS)
t_unit_check_why_SOURCES = t/unit/check_why.c
t_unit_check_why_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
t_unit_check_why_LDADD = libtgctl.a $(LIBPQ_LIBS) $(JANSSON_LIBS) $(CHECK_LIBS)
endif
