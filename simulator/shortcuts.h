/*
 * shortcuts - answers of pure functions, kept (see shortcuts.c)
 */
#ifndef SIMULATOR_SHORTCUTS_H
#define SIMULATOR_SHORTCUTS_H

/* From now on everything is worked out each time. */
void shortcuts_off(void);
/* Gives back what was kept. */
void shortcuts_free(void);

#endif
