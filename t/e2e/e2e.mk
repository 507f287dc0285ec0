# End-to-end tests: the gateway of this build tree, a private PostgreSQL, simulated trackers.
# Skipped where no PostgreSQL server is installed, or by TELEM_E2E=skip.
e2e_tests = \
	t/e2e/t0000-harness.py
e2e_lib = \
	t/e2e/lib/__init__.py \
	t/e2e/lib/audit.py \
	t/e2e/lib/fleet.py \
	t/e2e/lib/gateway.py \
	t/e2e/lib/metrics.py \
	t/e2e/lib/postgres.py \
	t/e2e/lib/proc.py \
	t/e2e/lib/suite.py \
	t/e2e/lib/tracker.py \
	t/e2e/lib/wire.py

TEST_EXTENSIONS = .py
PY_LOG_COMPILER = env PYTHONDONTWRITEBYTECODE=1 \
	TOP_SRCDIR='$(abs_top_srcdir)' TOP_BUILDDIR='$(abs_top_builddir)' python3

TESTS += $(e2e_tests)
EXTRA_DIST += $(e2e_tests) $(e2e_lib)

# Only these tests, e.g. make check-e2e E2E='t/e2e/t0001-first-ack.py'
E2E = $(e2e_tests)
check-e2e: all
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(E2E)'
.PHONY: check-e2e
