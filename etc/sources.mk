# What `make install` puts beside the programs: sample configuration, init script, systemd unit,
# completion, and samples for other programs. Paths in them are those of configure, put in by make
# because configure only knows them nested (sbindir is ${exec_prefix}/sbin).

pkgsysconfdir = $(sysconfdir)/telematics-gateway
pkgrunstatedir = $(runstatedir)/telematics-gateway
pkglogdir = $(localstatedir)/log/telematics-gateway
pkglibexecdir = $(libexecdir)/telematics-gateway
samplesdir = $(docdir)/samples
migrationsdir = $(pkgdatadir)/migrations
webdir = $(libexecdir)/omnitrack-web
webconfdir = $(sysconfdir)/omnitrack
webrunstatedir = $(runstatedir)/omnitrack
weblogdir = $(localstatedir)/log/omnitrack

subst_paths = sed \
	-e '/^\# @include init-common[@]$$/{r $(srcdir)/etc/init-common' -e 'd;}' \
	-e 's|@sbindir[@]|$(sbindir)|g' \
	-e 's|@bindir[@]|$(bindir)|g' \
	-e 's|@sysconfdir[@]|$(sysconfdir)|g' \
	-e 's|@pkgsysconfdir[@]|$(pkgsysconfdir)|g' \
	-e 's|@pkgrunstatedir[@]|$(pkgrunstatedir)|g' \
	-e 's|@pkglogdir[@]|$(pkglogdir)|g' \
	-e 's|@pkglibexecdir[@]|$(pkglibexecdir)|g' \
	-e 's|@pkgdatadir[@]|$(pkgdatadir)|g' \
	-e 's|@samplesdir[@]|$(samplesdir)|g' \
	-e 's|@migrationsdir[@]|$(migrationsdir)|g' \
	-e 's|@initdir[@]|$(initdir)|g' \
	-e 's|@user[@]|$(service_user)|g' \
	-e 's|@webdir[@]|$(webdir)|g' \
	-e 's|@webconfdir[@]|$(webconfdir)|g' \
	-e 's|@webrunstatedir[@]|$(webrunstatedir)|g' \
	-e 's|@weblogdir[@]|$(weblogdir)|g' \
	-e 's|@webuser[@]|$(web_user)|g' \
	-e 's|@version[@]|$(PACKAGE_VERSION)|g'
SUBST_IN = $(AM_V_GEN)$(MKDIR_P) $(@D) && rm -f $@ $@.tmp && \
	$(subst_paths) $(srcdir)/$@.in >$@.tmp && mv -f $@.tmp $@

etc_made = \
	etc/telematics-gateway.init \
	etc/telematics-gateway.service \
	etc/telematics-gateway.default \
	etc/telematics-gateway.logrotate \
	etc/telematics-gateway.limits \
	etc/reload
etc/telematics-gateway.init: etc/telematics-gateway.init.in etc/init-common Makefile
	$(SUBST_IN)
etc/telematics-gateway.service: etc/telematics-gateway.service.in Makefile
	$(SUBST_IN)
etc/telematics-gateway.default: etc/telematics-gateway.default.in Makefile
	$(SUBST_IN)
etc/telematics-gateway.logrotate: etc/telematics-gateway.logrotate.in Makefile
	$(SUBST_IN)
etc/telematics-gateway.limits: etc/telematics-gateway.limits.in Makefile
	$(SUBST_IN)

etc/reload: etc/reload.in Makefile
	$(SUBST_IN)

# gateway.conf itself is never installed: it is the administrator's.
dist_pkgsysconf_DATA = etc/gateway.conf.sample
dist_migrations_DATA = $(migration_files)
samples_DATA = etc/telematics-gateway.default etc/telematics-gateway.logrotate \
	etc/telematics-gateway.limits
dist_samples_DATA = etc/telematics-gateway.sysctl
pkglibexec_SCRIPTS = etc/reload
noinst_DATA = etc/telematics-gateway.init etc/telematics-gateway.service
CLEANFILES += $(etc_made)
EXTRA_DIST += etc/init-common etc/telematics-gateway.init.in etc/telematics-gateway.service.in \
	etc/telematics-gateway.default.in etc/telematics-gateway.logrotate.in \
	etc/telematics-gateway.limits.in etc/reload.in \
	etc/tgctl.bash etc/tgctl.fish etc/tgctl.zsh

# Those that are called otherwise where they go, and whose folder may be "no".
install-data-local: install-web
	test '$(initdir)' = no || { \
		$(MKDIR_P) '$(DESTDIR)$(initdir)' && \
		$(INSTALL_SCRIPT) etc/telematics-gateway.init '$(DESTDIR)$(initdir)/telematics-gateway'; }
	test '$(systemdsystemunitdir)' = no || { \
		$(MKDIR_P) '$(DESTDIR)$(systemdsystemunitdir)' && \
		$(INSTALL_DATA) etc/telematics-gateway.service '$(DESTDIR)$(systemdsystemunitdir)'; }
	test '$(bashcompletiondir)' = no || { \
		$(MKDIR_P) '$(DESTDIR)$(bashcompletiondir)' && \
		$(INSTALL_DATA) $(srcdir)/etc/tgctl.bash '$(DESTDIR)$(bashcompletiondir)/tgctl'; }
	test '$(zshcompletiondir)' = no || { \
		$(MKDIR_P) '$(DESTDIR)$(zshcompletiondir)' && \
		$(INSTALL_DATA) $(srcdir)/etc/tgctl.zsh '$(DESTDIR)$(zshcompletiondir)/_tgctl'; }
	test '$(fishcompletiondir)' = no || { \
		$(MKDIR_P) '$(DESTDIR)$(fishcompletiondir)' && \
		$(INSTALL_DATA) $(srcdir)/etc/tgctl.fish '$(DESTDIR)$(fishcompletiondir)/tgctl.fish'; }

# The folders that are ours alone go too, if nothing of the administrator's is left in them.
uninstall-local: uninstall-web
	rm -f '$(DESTDIR)$(initdir)/telematics-gateway' \
		'$(DESTDIR)$(systemdsystemunitdir)/telematics-gateway.service' \
		'$(DESTDIR)$(bashcompletiondir)/tgctl' '$(DESTDIR)$(zshcompletiondir)/_tgctl' \
		'$(DESTDIR)$(fishcompletiondir)/tgctl.fish'

# After the files, which automake removes in targets of its own.
uninstall-hook:
	for dir in '$(pkgsysconfdir)' '$(migrationsdir)' '$(prometheusdir)' '$(grafanadir)' '$(pkgdatadir)' '$(pkglibexecdir)' '$(webconfdir)' '$(samplesdir)' '$(users_docdir)' '$(docdir)'; do \
		test ! -d "$(DESTDIR)$$dir" || rmdir "$(DESTDIR)$$dir" 2>/dev/null || :; \
	done

# For those who run Prometheus and Grafana: alert rules and a dashboard.
prometheusdir = $(pkgdatadir)/prometheus
grafanadir = $(pkgdatadir)/grafana
dist_prometheus_DATA = etc/prometheus/telematics-gateway.rules.yml
dist_grafana_DATA = etc/grafana/telematics-gateway.json
