/*
 * dispatch_schema - schema tables as protocol messages
 *
 * One schema message per resource, shared by all names of the resource: Terraform sees as many
 * resources as there are names, the runtime knows one. The packed answer of GetProviderSchema is
 * made when it is first asked for and kept; it never changes while a process lives.
 */
#include "proto/dispatch_internal.h"

#include <string.h>

/* ---- attributes and blocks */

static ProtobufCBinaryData type_bytes(struct arena *a, const struct type *t)
{
    const char *json = type_to_json(a, t);
    return wire_bytes((struct bytes){(const uint8_t *)json, strlen(json)});
}

static Tfplugin6__Schema__Attribute **
build_attributes(struct arena *a, const struct attribute *table, size_t *count);

static Tfplugin6__Schema__Object *build_object(struct arena *a, const struct attribute *at)
{
    static const Tfplugin6__Schema__Object__NestingMode modes[] = {
        [NESTING_SINGLE] = TFPLUGIN6__SCHEMA__OBJECT__NESTING_MODE__SINGLE,
        [NESTING_LIST] = TFPLUGIN6__SCHEMA__OBJECT__NESTING_MODE__LIST,
        [NESTING_SET] = TFPLUGIN6__SCHEMA__OBJECT__NESTING_MODE__SET,
        [NESTING_MAP] = TFPLUGIN6__SCHEMA__OBJECT__NESTING_MODE__MAP,
    };
    Tfplugin6__Schema__Object *m = MESSAGE(a, Tfplugin6__Schema__Object, tfplugin6__schema__object);
    m->nesting = modes[at->nesting];
    m->attributes = build_attributes(a, at->nested->attributes, &m->n_attributes);
    return m;
}

static Tfplugin6__Schema__Attribute *build_attribute(struct arena *a, const struct attribute *at)
{
    Tfplugin6__Schema__Attribute *m =
        MESSAGE(a, Tfplugin6__Schema__Attribute, tfplugin6__schema__attribute);
    m->name = wire_text(a, at->name);
    if (at->nested)
        m->nested_type = build_object(a, at);
    else
        m->type = type_bytes(a, at->type);
    m->description = wire_text(a, at->description);
    m->description_kind = TFPLUGIN6__STRING_KIND__MARKDOWN;
    m->required = !!(at->flags & ATTR_REQUIRED);
    m->optional = !!(at->flags & ATTR_OPTIONAL);
    m->computed = !!(at->flags & ATTR_COMPUTED);
    m->sensitive = !!(at->flags & ATTR_SENSITIVE);
    m->deprecated = !!(at->flags & ATTR_DEPRECATED);
    return m;
}

static Tfplugin6__Schema__Attribute **build_attributes(struct arena *a,
                                                       const struct attribute *table, size_t *count)
{
    size_t n = 0;
    while (table && table[n].name)
        n++;
    Tfplugin6__Schema__Attribute **list = arena_calloc(a, n, sizeof *list);
    for (size_t i = 0; i < n; i++)
        list[i] = build_attribute(a, &table[i]);
    *count = n;
    return list;
}

static Tfplugin6__Schema__Block *build_block(struct arena *a, const struct block *b);

static Tfplugin6__Schema__NestedBlock *build_nested(struct arena *a, const struct nested_block *b)
{
    static const Tfplugin6__Schema__NestedBlock__NestingMode modes[] = {
        [NESTING_SINGLE] = TFPLUGIN6__SCHEMA__NESTED_BLOCK__NESTING_MODE__SINGLE,
        [NESTING_LIST] = TFPLUGIN6__SCHEMA__NESTED_BLOCK__NESTING_MODE__LIST,
        [NESTING_SET] = TFPLUGIN6__SCHEMA__NESTED_BLOCK__NESTING_MODE__SET,
        [NESTING_MAP] = TFPLUGIN6__SCHEMA__NESTED_BLOCK__NESTING_MODE__MAP,
    };
    Tfplugin6__Schema__NestedBlock *m =
        MESSAGE(a, Tfplugin6__Schema__NestedBlock, tfplugin6__schema__nested_block);
    m->type_name = wire_text(a, b->name);
    m->nesting = modes[b->nesting];
    m->min_items = b->min_items;
    m->max_items = b->max_items;
    m->block = build_block(a, b->block);
    if (b->description)
        m->block->description = wire_text(a, b->description);
    m->block->deprecated = !!(b->flags & ATTR_DEPRECATED);
    return m;
}

static Tfplugin6__Schema__Block *build_block(struct arena *a, const struct block *b)
{
    Tfplugin6__Schema__Block *m = MESSAGE(a, Tfplugin6__Schema__Block, tfplugin6__schema__block);
    m->description = wire_text(a, b->description);
    m->description_kind = TFPLUGIN6__STRING_KIND__MARKDOWN;
    m->attributes = build_attributes(a, b->attributes, &m->n_attributes);
    while (b->blocks && b->blocks[m->n_block_types].name)
        m->n_block_types++;
    m->block_types = arena_calloc(a, m->n_block_types, sizeof *m->block_types);
    for (size_t i = 0; i < m->n_block_types; i++)
        m->block_types[i] = build_nested(a, &b->blocks[i]);
    return m;
}

/* `summary` describes a block that does not describe itself. */
static Tfplugin6__Schema *build_schema(struct arena *a, const struct schema *s, const char *summary)
{
    Tfplugin6__Schema *m = MESSAGE(a, Tfplugin6__Schema, tfplugin6__schema);
    m->version = s->version;
    m->block = build_block(a, &s->block);
    m->block->version = s->version;
    if (!s->block.description)
        m->block->description = wire_text(a, summary);
    return m;
}

/* ---- functions */

static Tfplugin6__Function__Parameter *build_parameter(struct arena *a, const struct parameter *p)
{
    Tfplugin6__Function__Parameter *m =
        MESSAGE(a, Tfplugin6__Function__Parameter, tfplugin6__function__parameter);
    m->name = wire_text(a, p->name);
    m->type = type_bytes(a, p->type);
    m->description = wire_text(a, p->description);
    m->description_kind = TFPLUGIN6__STRING_KIND__MARKDOWN;
    return m;
}

static Tfplugin6__Function *build_function(struct arena *a, const struct function *f)
{
    Tfplugin6__Function *m = MESSAGE(a, Tfplugin6__Function, tfplugin6__function);
    size_t n = 0;
    while (f->parameters && f->parameters[n].name)
        n++;
    m->parameters = arena_calloc(a, n, sizeof *m->parameters);
    for (size_t i = 0; i < n; i++) {
        if (f->parameters[i].variadic)
            m->variadic_parameter = build_parameter(a, &f->parameters[i]);
        else
            m->parameters[m->n_parameters++] = build_parameter(a, &f->parameters[i]);
    }
    m->return_ = MESSAGE(a, Tfplugin6__Function__Return, tfplugin6__function__return);
    m->return_->type = type_bytes(a, f->result);
    m->summary = wire_text(a, f->summary);
    m->description = wire_text(a, f->description);
    m->description_kind = TFPLUGIN6__STRING_KIND__MARKDOWN;
    return m;
}

/* ---- the tables as a whole */

static size_t count_names(const char *const *names)
{
    size_t n = 0;
    while (names[n])
        n++;
    return n;
}

static size_t count_resource_names(const struct runtime *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->resource_count; i++)
        n += count_names(r->resources[i].resource->names);
    return n;
}

static size_t count_data_source_names(const struct runtime *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->data_source_count; i++)
        n += count_names(r->data_sources[i].source->names);
    return n;
}

static size_t count_functions(const struct runtime *r)
{
    size_t n = 0;
    while (r->provider->functions && r->provider->functions[n])
        n++;
    return n;
}

static Tfplugin6__ServerCapabilities *build_capabilities(struct arena *a)
{
    Tfplugin6__ServerCapabilities *m =
        MESSAGE(a, Tfplugin6__ServerCapabilities, tfplugin6__server_capabilities);
    m->plan_destroy = true;
    m->get_provider_schema_optional = true;
    m->move_resource_state = true;
    return m;
}

enum outcome method_get_metadata(struct request *q)
{
    const struct runtime *r = q->runtime;
    struct arena *a = q->call.arena;
    Tfplugin6__GetMetadata__Response *m =
        MESSAGE(a, Tfplugin6__GetMetadata__Response, tfplugin6__get_metadata__response);
    m->server_capabilities = build_capabilities(a);
    m->resources = arena_calloc(a, count_resource_names(r), sizeof *m->resources);
    for (size_t i = 0; i < r->resource_count; i++)
        for (const char *const *name = r->resources[i].resource->names; *name; name++) {
            Tfplugin6__GetMetadata__ResourceMetadata *item =
                MESSAGE(a, Tfplugin6__GetMetadata__ResourceMetadata,
                        tfplugin6__get_metadata__resource_metadata);
            item->type_name = wire_text(a, *name);
            m->resources[m->n_resources++] = item;
        }
    m->data_sources = arena_calloc(a, count_data_source_names(r), sizeof *m->data_sources);
    for (size_t i = 0; i < r->data_source_count; i++)
        for (const char *const *name = r->data_sources[i].source->names; *name; name++) {
            Tfplugin6__GetMetadata__DataSourceMetadata *item =
                MESSAGE(a, Tfplugin6__GetMetadata__DataSourceMetadata,
                        tfplugin6__get_metadata__data_source_metadata);
            item->type_name = wire_text(a, *name);
            m->data_sources[m->n_data_sources++] = item;
        }
    m->n_functions = count_functions(r);
    m->functions = arena_calloc(a, m->n_functions, sizeof *m->functions);
    for (size_t i = 0; i < m->n_functions; i++) {
        m->functions[i] = MESSAGE(a, Tfplugin6__GetMetadata__FunctionMetadata,
                                  tfplugin6__get_metadata__function_metadata);
        m->functions[i]->name = wire_text(a, r->provider->functions[i]->name);
    }
    q->response = &m->base;
    return CALL_DONE;
}

static void add_resource_schemas(struct arena *a, const struct runtime *r,
                                 Tfplugin6__GetProviderSchema__Response *m)
{
    m->resource_schemas = arena_calloc(a, count_resource_names(r), sizeof *m->resource_schemas);
    for (size_t i = 0; i < r->resource_count; i++) {
        const struct resource *resource = r->resources[i].resource;
        Tfplugin6__Schema *schema = build_schema(a, resource->schema, resource->summary);
        for (const char *const *name = resource->names; *name; name++) {
            Tfplugin6__GetProviderSchema__Response__ResourceSchemasEntry *entry =
                MESSAGE(a, Tfplugin6__GetProviderSchema__Response__ResourceSchemasEntry,
                        tfplugin6__get_provider_schema__response__resource_schemas_entry);
            entry->key = wire_text(a, *name);
            entry->value = schema;
            m->resource_schemas[m->n_resource_schemas++] = entry;
        }
    }
}

static void add_data_source_schemas(struct arena *a, const struct runtime *r,
                                    Tfplugin6__GetProviderSchema__Response *m)
{
    m->data_source_schemas =
        arena_calloc(a, count_data_source_names(r), sizeof *m->data_source_schemas);
    for (size_t i = 0; i < r->data_source_count; i++) {
        const struct data_source *source = r->data_sources[i].source;
        Tfplugin6__Schema *schema = build_schema(a, source->schema, source->summary);
        for (const char *const *name = source->names; *name; name++) {
            Tfplugin6__GetProviderSchema__Response__DataSourceSchemasEntry *entry =
                MESSAGE(a, Tfplugin6__GetProviderSchema__Response__DataSourceSchemasEntry,
                        tfplugin6__get_provider_schema__response__data_source_schemas_entry);
            entry->key = wire_text(a, *name);
            entry->value = schema;
            m->data_source_schemas[m->n_data_source_schemas++] = entry;
        }
    }
}

static void add_functions(struct arena *a, const struct runtime *r,
                          Tfplugin6__GetProviderSchema__Response *m)
{
    m->n_functions = count_functions(r);
    m->functions = arena_calloc(a, m->n_functions, sizeof *m->functions);
    for (size_t i = 0; i < m->n_functions; i++) {
        m->functions[i] = MESSAGE(a, Tfplugin6__GetProviderSchema__Response__FunctionsEntry,
                                  tfplugin6__get_provider_schema__response__functions_entry);
        m->functions[i]->key = wire_text(a, r->provider->functions[i]->name);
        m->functions[i]->value = build_function(a, r->provider->functions[i]);
    }
}

enum outcome method_get_provider_schema(struct request *q)
{
    struct runtime *r = q->runtime;
    struct arena *a = q->call.arena;
    if (!r->schema_response.data) {
        Tfplugin6__GetProviderSchema__Response *m = MESSAGE(
            a, Tfplugin6__GetProviderSchema__Response, tfplugin6__get_provider_schema__response);
        m->server_capabilities = build_capabilities(a);
        m->provider = build_schema(a, r->provider->schema, r->provider->about);
        if (r->provider->meta_schema)
            m->provider_meta = build_schema(a, r->provider->meta_schema, NULL);
        add_resource_schemas(a, r, m);
        add_data_source_schemas(a, r, m);
        add_functions(a, r, m);
        r->schema_response = wire_pack(r->arena, &m->base);
    }
    q->body = r->schema_response;
    return CALL_DONE;
}

enum outcome method_get_functions(struct request *q)
{
    const struct runtime *r = q->runtime;
    struct arena *a = q->call.arena;
    Tfplugin6__GetFunctions__Response *m =
        MESSAGE(a, Tfplugin6__GetFunctions__Response, tfplugin6__get_functions__response);
    m->n_functions = count_functions(r);
    m->functions = arena_calloc(a, m->n_functions, sizeof *m->functions);
    for (size_t i = 0; i < m->n_functions; i++) {
        m->functions[i] = MESSAGE(a, Tfplugin6__GetFunctions__Response__FunctionsEntry,
                                  tfplugin6__get_functions__response__functions_entry);
        m->functions[i]->key = wire_text(a, r->provider->functions[i]->name);
        m->functions[i]->value = build_function(a, r->provider->functions[i]);
    }
    q->response = &m->base;
    return CALL_DONE;
}
