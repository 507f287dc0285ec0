# Manual pages, in mdoc. Paths are put in as in etc/sources.mk.
man_pages = doc/tgctl.1 doc/gateway.conf.5 doc/telematics-schema.7 doc/telematics-gateway.8
man_MANS = $(man_pages)
CLEANFILES += $(man_pages)
EXTRA_DIST += doc/tgctl.1.in doc/gateway.conf.5.in doc/telematics-schema.7.in \
	doc/telematics-gateway.8.in

doc/tgctl.1: doc/tgctl.1.in Makefile
	$(SUBST_IN)
doc/gateway.conf.5: doc/gateway.conf.5.in Makefile
	$(SUBST_IN)
doc/telematics-schema.7: doc/telematics-schema.7.in Makefile
	$(SUBST_IN)
doc/telematics-gateway.8: doc/telematics-gateway.8.in Makefile
	$(SUBST_IN)
# It is installed with the web application (web/sources.mk).
if WITH_WEB
noinst_DATA += doc/omnitrack-web.8
endif
CLEANFILES += doc/omnitrack-web.8
EXTRA_DIST += doc/omnitrack-web.8.in
doc/omnitrack-web.8: doc/omnitrack-web.8.in Makefile
	$(SUBST_IN)

# For operators and for those who change the code.
dist_doc_DATA = doc/architecture.md doc/commands.md doc/design.md doc/dictionary.md doc/history.md doc/performance.md doc/protocol.md \
	doc/reliability.md doc/runbook-gateway.md \
	doc/scaling.md doc/security.md doc/web.md doc/write-path.md

# For those who use it, by what they do; the picture of the README.
users_docdir = $(docdir)/users
dist_users_doc_DATA = doc/users/administrator.md doc/users/dispatcher.md doc/users/installer.md doc/users/server.md
EXTRA_DIST += doc/images/map.webp
