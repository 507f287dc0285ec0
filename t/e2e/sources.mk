# End-to-end tests: the gateway of this build tree, a private PostgreSQL, simulated trackers.
# Skipped where no PostgreSQL server is installed, or by E2E_MODE=skip.
# What needs omnitrack-web; it is skipped where that isn't built. What takes longest begins first.
web_tests = \
	t/e2e/t0211-web-screens.py \
	t/e2e/t0213-web-states.py \
	t/e2e/t0212-web-work.py \
	t/e2e/t0200-web-live.py \
	t/e2e/t0201-web-rights.py \
	t/e2e/t0202-web-api.py \
	t/e2e/t0207-web-logins.py \
	t/e2e/t0203-web-schema.py \
	t/e2e/t0204-web-daemon.py \
	t/e2e/t0205-web-database.py \
	t/e2e/t0206-web-install.py \
	t/e2e/t0207-web-operations.py \
	t/e2e/t0208-web-proxies.py \
	t/e2e/t0210-web-pages.py \
	t/e2e/t0214-web-languages.py \
	t/e2e/t0215-web-large-fleet.py \
	t/e2e/t0216-web-map.py \
	t/e2e/t0217-web-changes.py \
	t/e2e/t0218-web-client.py \
	t/e2e/t0219-web-templates.py \
	t/e2e/t0220-web-history.py \
	t/e2e/t0220-web-history-pages.py \
	t/e2e/t0221-web-devices.py \
	t/e2e/t0222-web-health.py \
	t/e2e/t0223-web-admin.py \
	t/e2e/t0230-web-days.py

# What takes longest begins first, so that not much is left in the end.
long_tests = \
	t/e2e/t0082-durable.py \
	t/e2e/t0076-first-tracker.py \
	t/e2e/t0100-silent.py \
	t/e2e/t0060-upgrade.py \
	t/e2e/t0084-locks.py \
	t/e2e/t0073-docs.py \
	t/e2e/t0081-two-gateways.py \
	t/e2e/t0070-install.py \
	t/e2e/t0086-names.py \
	t/e2e/t0085-partitions-made.py

# Installation, documentation, rights and SQL around the programs: no second time under the sanitizers, which see nothing
# there that other tests don't show.
around_tests = \
	t/e2e/t0040-demo.py \
	t/e2e/t0070-install.py \
	t/e2e/t0071-promtool.py \
	t/e2e/t0072-dashboard.py \
	t/e2e/t0073-docs.py \
	t/e2e/t0074-grants.py \
	t/e2e/t0076-first-tracker.py \
	t/e2e/t0111-omnitrack-schema.py

e2e_tests = \
	$(long_tests) \
	t/e2e/t0000-harness.py \
	t/e2e/t0001-first-ack.py \
	t/e2e/t0002-stream.py \
	t/e2e/t0003-handshake.py \
	t/e2e/t0004-database-down.py \
	t/e2e/t0005-sessions.py \
	t/e2e/t0006-timeouts.py \
	t/e2e/t0007-quarantine.py \
	t/e2e/t0008-endings.py \
	t/e2e/t0009-clocks.py \
	t/e2e/t0010-duplicates.py \
	t/e2e/t0011-live-row.py \
	t/e2e/t0012-metrics.py \
	t/e2e/t0020-kill-worker.py \
	t/e2e/t0021-postgres-crash.py \
	t/e2e/t0022-postgres-away.py \
	t/e2e/t0023-reload.py \
	t/e2e/t0024-master-killed.py \
	t/e2e/t0025-drain.py \
	t/e2e/t0026-log-file.py \
	t/e2e/t0027-start.py \
	t/e2e/t0028-hung-worker.py \
	t/e2e/t0029-descriptors.py \
	t/e2e/t0030-hostile.py \
	t/e2e/t0031-partitions.py \
	t/e2e/t0032-environment.py \
	t/e2e/t0033-mixed-fleet.py \
	t/e2e/t0034-migrations.py \
	t/e2e/t0035-tgctl.py \
	t/e2e/t0036-messages.py \
	t/e2e/t0037-schema.py \
	t/e2e/t0038-raw.py \
	t/e2e/t0040-demo.py \
	t/e2e/t0050-tgctl-command.py \
	t/e2e/t0051-commands.py \
	t/e2e/t0052-commands-kills.py \
	t/e2e/t0053-commands-races.py \
	t/e2e/t0055-late-answers.py \
	t/e2e/t0061-reload-addresses.py \
	t/e2e/t0062-paced-drain.py \
	t/e2e/t0063-hardening.py \
	t/e2e/t0064-proxy.py \
	t/e2e/t0065-limits.py \
	t/e2e/t0066-trace.py \
	t/e2e/t0067-capture.py \
	t/e2e/t0068-why.py \
	t/e2e/t0069-haproxy.py \
	t/e2e/t0071-promtool.py \
	t/e2e/t0072-dashboard.py \
	t/e2e/t0074-grants.py \
	t/e2e/t0075-rights.py \
	t/e2e/t0080-clocks.py \
	t/e2e/t0082-devices-anew.py \
	t/e2e/t0087-log-readers.py \
	t/e2e/t0088-first-contact.py \
	t/e2e/t0089-registry-reuse.py \
	t/e2e/t0090-dictionary.py \
	t/e2e/t0091-event-index.py \
	t/e2e/t0101-tools.py \
	t/e2e/t0102-progress.py \
	t/e2e/t0103-export.py \
	t/e2e/t0110-live-feed.py \
	t/e2e/t0111-omnitrack-schema.py \
	t/e2e/t0112-sessions-in-time.py \
	t/e2e/t0120-io-json.py \
	t/e2e/t0121-one-a-frame.py \
	t/e2e/t0130-chaos.py \
	$(web_tests)
e2e_lib = \
	t/e2e/lib/__init__.py \
	t/e2e/lib/audit.py \
	t/e2e/lib/balancer.py \
	t/e2e/lib/browser.py \
	t/e2e/lib/commands.py \
	t/e2e/lib/deaf.py \
	t/e2e/lib/drive.py \
	t/e2e/lib/faketime.py \
	t/e2e/lib/feed.py \
	t/e2e/lib/fleet.py \
	t/e2e/lib/follow.py \
	t/e2e/lib/gateway.py \
	t/e2e/lib/install.py \
	t/e2e/lib/knocker.py \
	t/e2e/lib/live.py \
	t/e2e/lib/metrics.py \
	t/e2e/lib/names.py \
	t/e2e/lib/office.py \
	t/e2e/lib/pages.py \
	t/e2e/lib/postgres.py \
	t/e2e/lib/proc.py \
	t/e2e/lib/prometheus.py \
	t/e2e/lib/suite.py \
	t/e2e/lib/tls.py \
	t/e2e/lib/tracker.py \
	t/e2e/lib/web.py \
	t/e2e/lib/wire.py

# What is also run against other servers than the system's, t/postgres/versions: write path, commands, schema.
server_tests = \
	t/e2e/t0000-harness.py \
	t/e2e/t0001-first-ack.py \
	t/e2e/t0002-stream.py \
	t/e2e/t0004-database-down.py \
	t/e2e/t0005-sessions.py \
	t/e2e/t0007-quarantine.py \
	t/e2e/t0010-duplicates.py \
	t/e2e/t0011-live-row.py \
	t/e2e/t0020-kill-worker.py \
	t/e2e/t0021-postgres-crash.py \
	t/e2e/t0022-postgres-away.py \
	t/e2e/t0031-partitions.py \
	t/e2e/t0033-mixed-fleet.py \
	t/e2e/t0034-migrations.py \
	t/e2e/t0036-messages.py \
	t/e2e/t0037-schema.py \
	t/e2e/t0038-raw.py \
	t/e2e/t0050-tgctl-command.py \
	t/e2e/t0051-commands.py \
	t/e2e/t0052-commands-kills.py \
	t/e2e/t0068-why.py \
	t/e2e/t0074-grants.py \
	t/e2e/t0090-dictionary.py \
	t/e2e/t0111-omnitrack-schema.py

TEST_EXTENSIONS = .py
PY_LOG_COMPILER = env PYTHONDONTWRITEBYTECODE=1 \
	TOP_SRCDIR='$(abs_top_srcdir)' TOP_BUILDDIR='$(abs_top_builddir)' python3

TESTS += $(e2e_tests)
EXTRA_DIST += $(e2e_tests) $(e2e_lib) t/alerts/alerts_test.yml CONTRIBUTING.md \
	scripts/coverage scripts/demo scripts/demo.py scripts/demo_fleet.py scripts/demo_web.py \
	scripts/install-deps scripts/test .ci/run \
	t/postgres/fetch t/postgres/versions \
	t/web/client.py t/web/client.requirements t/web/schemathesis.requirements \
	t/chaos/__init__.py t/chaos/course.py t/chaos/faults.py t/chaos/network.py t/chaos/run t/chaos/scarce.c \
	t/chaos/scarce.py t/chaos/servers.py t/chaos/site.py t/mutate/equal t/mutate/run \
	t/roots/boot t/roots/devices t/roots/enter t/roots/make t/roots/run

# Only these tests, e.g. make check-e2e E2E='t/e2e/t0001-first-ack.py'
E2E = $(e2e_tests)
check-e2e: all
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(E2E)'
.PHONY: check-e2e
