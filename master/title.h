/*
 * The name of a worker in ps(1). Linux shows the memory in which argv came, and the environment behind
 * it if the title is longer: so the title is written there, and the program uses a copy of the
 * environment.
 */
#ifndef MASTER_TITLE_H
#define MASTER_TITLE_H

/* Once, at the very start: copies the environment. argv stays as it is. */
void title_init(int argc, char **argv);

/* A worker: overwrites argv, whose strings nobody needs any more. `comm`: at most 15 characters. */
void title_set(const char *title, const char *comm);

#endif
