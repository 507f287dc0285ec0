/*
 * A file of the history, as "tgctl export" writes it and "tgctl import" reads it (tgctl(1)): CSV with a line of names, and
 * a last line that says how many records there are and what their checksum is. Without it a file isn't whole.
 */
#ifndef TOOL_CMD_HISTORY_FILE_H
#define TOOL_CMD_HISTORY_FILE_H

#define HISTORY_FILE_END "#end,"
/* No last line is longer, its newline included. */
#define HISTORY_FILE_LAST 80

#endif
