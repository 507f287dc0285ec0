# The web application. It is built by scripts/web, with Node.js, when it is asked for: `make web`. `make install` installs
# it where it was built.

run_web = TOP_BUILDDIR='$(abs_top_builddir)' $(top_srcdir)/scripts/web

if WITH_WEB
web:
	$(run_web) install
	$(run_web) build
check-web: web
	$(run_web) test
else
web check-web:
	@echo "The web application was left out: configure without --without-web." >&2; false
endif
.PHONY: web check-web install-web uninstall-web

web_made = etc/omnitrack-web.init etc/omnitrack-web.service etc/omnitrack-web@.service etc/omnitrack-web.logrotate
etc/omnitrack-web.init: etc/omnitrack-web.init.in etc/init-common Makefile
	$(SUBST_IN)
etc/omnitrack-web.service: etc/omnitrack-web.service.in Makefile
	$(SUBST_IN)
etc/omnitrack-web.logrotate: etc/omnitrack-web.logrotate.in Makefile
	$(SUBST_IN)
# One more process: the same with a configuration of its own.
etc/omnitrack-web@.service: etc/omnitrack-web.service
	$(AM_V_GEN)sed -e 's|/web\.conf|/%i.conf|' -e 's|^Description=.*|& (%i)|' etc/omnitrack-web.service >$@.tmp && \
		mv -f $@.tmp $@

if WITH_WEB
noinst_DATA += $(web_made)
endif
CLEANFILES += $(web_made)
EXTRA_DIST += scripts/web etc/web.conf.sample etc/omnitrack-web.in etc/omnitrack-web.init.in etc/omnitrack-web.service.in \
	etc/omnitrack-web.logrotate.in

# The program with its runtime, if that was brought along; what is beside it for an administrator.
install-web:
if WITH_WEB
	test ! -x omnitrack-web || { \
		node=`$(run_web) place '$(webdir)' '$(DESTDIR)'` && \
		$(MKDIR_P) '$(DESTDIR)$(sbindir)' '$(DESTDIR)$(webconfdir)' '$(DESTDIR)$(samplesdir)' '$(DESTDIR)$(man8dir)' && \
		$(subst_paths) -e "s|@node[@]|$$node|" $(srcdir)/etc/omnitrack-web.in >'$(DESTDIR)$(sbindir)/omnitrack-web' && \
		chmod 755 '$(DESTDIR)$(sbindir)/omnitrack-web' && \
		$(INSTALL_DATA) $(srcdir)/etc/web.conf.sample '$(DESTDIR)$(webconfdir)' && \
		$(INSTALL_DATA) etc/omnitrack-web.logrotate '$(DESTDIR)$(samplesdir)' && \
		$(INSTALL_DATA) doc/omnitrack-web.8 '$(DESTDIR)$(man8dir)'; }
	test ! -x omnitrack-web || test '$(initdir)' = no || { \
		$(MKDIR_P) '$(DESTDIR)$(initdir)' && \
		$(INSTALL_SCRIPT) etc/omnitrack-web.init '$(DESTDIR)$(initdir)/omnitrack-web'; }
	test ! -x omnitrack-web || test '$(systemdsystemunitdir)' = no || { \
		$(MKDIR_P) '$(DESTDIR)$(systemdsystemunitdir)' && \
		$(INSTALL_DATA) etc/omnitrack-web.service etc/omnitrack-web@.service '$(DESTDIR)$(systemdsystemunitdir)'; }
endif

uninstall-web:
	rm -rf '$(DESTDIR)$(webdir)'
	rm -f '$(DESTDIR)$(sbindir)/omnitrack-web' '$(DESTDIR)$(webconfdir)/web.conf.sample' \
		'$(DESTDIR)$(samplesdir)/omnitrack-web.logrotate' '$(DESTDIR)$(man8dir)/omnitrack-web.8' \
		'$(DESTDIR)$(initdir)/omnitrack-web' '$(DESTDIR)$(systemdsystemunitdir)/omnitrack-web.service' \
		'$(DESTDIR)$(systemdsystemunitdir)/omnitrack-web@.service'

# Pictures of every screen, from a test that drives them: SCREENSHOTS is the folder.
SCREENSHOTS = $(abs_top_builddir)/screenshots
screenshots: all
	env PYTHONDONTWRITEBYTECODE=1 TOP_SRCDIR='$(abs_top_srcdir)' TOP_BUILDDIR='$(abs_top_builddir)' \
		SCREENSHOTS='$(SCREENSHOTS)' python3 $(top_srcdir)/t/e2e/t0211-web-screens.py
.PHONY: screenshots

# The picture of the README, made anew.
picture: all
	env PYTHONDONTWRITEBYTECODE=1 TOP_SRCDIR='$(abs_top_srcdir)' TOP_BUILDDIR='$(abs_top_builddir)' \
		PICTURE='$(abs_top_srcdir)/doc/images/map.webp' python3 $(top_srcdir)/t/e2e/t0211-web-screens.py picture
.PHONY: picture

# Its sources, but for what was installed and built into them.
dist-hook:
	(cd $(top_srcdir) && tar -cf - --exclude=node_modules --exclude=web/dist web) | (cd $(distdir) && tar -xf -)

clean-local:
	rm -rf omnitrack-web web/dist/app web/dist/server.* web/dist/*.packages.json web/dist/third-party-notices.txt screenshots
distclean-local:
	rm -rf web/dist
