/*
 * Connection strings, before anybody connects. For whoever loads a configuration (struct conf_source in
 * common/conf.h).
 */
#ifndef PG_URL_H
#define PG_URL_H

/*
 * NULL if libpq can read it as a connection string or URI; else a constant text that says what is
 * expected. It quotes nothing of the string, which may hold a password.
 */
const char *pg_url_wrong(const char *url) __attribute__((warn_unused_result));

/*
 * What may be published of libpq's error of an attempt to connect: all that it says of a server, and a
 * constant text in the place of what it says of the string, as that quotes pieces of it.
 */
const char *pg_url_error(const char *message) __attribute__((warn_unused_result));

#endif
