# Tests. Each subfolder adds its own: unit (check), e2e (real gateway and PostgreSQL), lint, fuzz. The
# vectors are documented frames, which several of them read.
vectors_dir = -DVECTORS_DIR='"$(abs_top_srcdir)/t/vectors"'
AM_CPPFLAGS += $(vectors_dir)
EXTRA_DIST += t/vectors/documented.json t/vectors/README.md t/vectors/captured.json t/vectors/families.csv

# A test of libcheck that hangs ends; one on a busy machine takes its time.
AM_TESTS_ENVIRONMENT = CK_DEFAULT_TIMEOUT=$${CK_DEFAULT_TIMEOUT:-60}; export CK_DEFAULT_TIMEOUT;

# The order is the one in which they begin: the longest first.
include t/e2e/sources.mk
include t/unit/sources.mk
include t/lint/sources.mk
include t/fuzz/sources.mk
