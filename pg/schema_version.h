/* The schema that this build needs: the number of the newest file in migrations/. */
#ifndef PG_SCHEMA_VERSION_H
#define PG_SCHEMA_VERSION_H

#define SCHEMA_VERSION 16

#endif
