# The web application. It is built by scripts/web, with Node.js, when it is asked for: `make web`.

if WITH_WEB
web:
	TOP_BUILDDIR='$(abs_top_builddir)' $(top_srcdir)/scripts/web install
	TOP_BUILDDIR='$(abs_top_builddir)' $(top_srcdir)/scripts/web build
check-web: web
	TOP_BUILDDIR='$(abs_top_builddir)' $(top_srcdir)/scripts/web test
else
web check-web:
	@echo "The web application was left out: configure without --without-web." >&2; false
endif
.PHONY: web check-web

EXTRA_DIST += scripts/web etc/web.conf.sample

# Its sources, but for what was installed and built into them.
dist-hook:
	(cd $(top_srcdir) && tar -cf - --exclude=node_modules --exclude=web/dist web) | (cd $(distdir) && tar -xf -)

clean-local:
	rm -rf omnitrack-web web/dist/app web/dist/server.*
distclean-local:
	rm -rf web/dist
