/*
 * log - lines on stderr whose level Terraform understands
 *
 * Terraform reads stderr line by line into its own log (TF_LOG); a leading [LEVEL] sets the level,
 * lines above 64 KiB would be split. Nothing here is seen by users without TF_LOG: what a user
 * must know goes into diagnostics.
 */
#ifndef PROTO_LOG_H
#define PROTO_LOG_H

enum log_level { LOG_TRACE, LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* One line, one write(2). Newlines inside become spaces; longer than 8 KiB is cut with `...`.
 * Below the level of TF_LOG_PROVIDER / TF_LOG nothing is formatted. */
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
