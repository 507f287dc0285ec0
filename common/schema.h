/* The schema that this build needs: the number of the newest file in migrations/. */
#ifndef COMMON_SCHEMA_H
#define COMMON_SCHEMA_H

#define SCHEMA_VERSION 5

#endif
