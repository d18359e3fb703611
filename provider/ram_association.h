/*
 * ram_association - what associates something with a resource share
 */
#ifndef PROVIDER_RAM_ASSOCIATION_H
#define PROVIDER_RAM_ASSOCIATION_H

#include "provider/estate.h"

/* `other` is the attribute that names what is associated. */
struct ram_association_row {
    struct field_string id, other, share, region;
};

/* The kinds differ in what may be associated and in what the engine is told of it. */
struct ram_association {
    const struct resource *resource;
    const char *what;  /* "RAM Principal Association" */
    const char *doing; /* "creating " and the same */
    const char *once;  /* why there cannot be two, as a sentence */
    const char *(*check_other)(struct arena *a, const char *text);
    /* What must hold besides the share's being there and one's own; true: it may be done. other is
     * known. */
    bool (*check)(struct call *c, const struct ram_association_row *row, enum outcome *out);
    bool (*is_there)(struct call *c, const struct ram_association_row *row);
    enum engine_result (*add)(struct call *c, const struct ram_association_row *row);
    void (*remove)(struct call *c, const struct ram_association_row *row);
};

extern const struct ram_association ram_principal_association, ram_resource_association;

/* The hooks of both resources, see provider.h. Which of them is meant says the call. */
enum outcome ram_association_plan(struct call *c, struct change *ch);
enum outcome ram_association_create(struct call *c, struct change *ch, const struct value **state);
enum outcome ram_association_destroy(struct call *c, struct change *ch);
enum outcome ram_association_read(struct call *c, const struct value **state,
                                  struct bytes *private);
enum outcome ram_association_import(struct call *c, const char *text, const struct value **state,
                                    struct bytes *private);

#endif
