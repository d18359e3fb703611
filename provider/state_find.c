/*
 * state_find - where the state of this root module is
 *
 * Terraform tells a provider nothing about its state, but it starts the provider in the working
 * directory of the root module (after -chdir), with its own environment and as its own child. From
 * these the place follows by Terraform's own rules:
 *
 *   backend     ${TF_DATA_DIR:-.terraform}/terraform.tfstate, written by init: type and
 *               configuration. No file: the local backend with its defaults.
 *   workspace   TF_WORKSPACE, else the file `environment` beside it, else "default".
 *   -state=     beats all of these for the local backend, in every workspace. It may stand on
 *               Terraform's command line, in TF_CLI_ARGS or in TF_CLI_ARGS_<command>; Terraform
 *               puts the variables before the arguments, the first of the two last, and the last
 *               -state of all wins.
 *
 * When the process was started by something else (a debugger, a shell: reattach mode), the command
 * line is out of reach. Then the lock tells: Terraform writes the path of the state that it works
 * on into .<name>.lock.info and holds a lock on the file itself, which tells a live note from one
 * that a killed run left behind.
 *
 * The current directory comes from getcwd: PWD is stale after -chdir.
 */
#include "provider/state_internal.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SMALL_FILE    (1u << 20) /* backend, environment, lock info: hundreds of bytes in practice */
#define COMMAND_LINE  (8u << 20) /* Linux allows a quarter of the stack limit, 2 MiB by default */
#define WORKSPACE_MAX 255        /* it becomes the name of a directory */

#define CANNOT_FIND "Cannot find the Terraform state"
#define NAME_IT     "Name the state in the provider block: state { path = \"...\" }."

struct words {
    const char **items;
    size_t count;
};

struct finder {
    struct arena *arena;
    struct state_place *place;
    struct state_refusal *why;
    struct words command_line; /* of Terraform; count 0: unknown */
};

static bool refuse(struct finder *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool refuse(struct finder *f, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    f->why->summary = CANNOT_FIND;
    f->why->detail = arena_vprintf(f->arena, fmt, ap);
    va_end(ap);
    return false;
}

static const char *join(struct finder *f, const char *directory, const char *name)
{
    return *name == '/' ? name : arena_printf(f->arena, "%s/%s", directory, name);
}

/* Content in the arena. *content is NULL when there is no such file; false: it cannot be read. */
static bool small_file(struct finder *f, const char *path, size_t max_bytes, const char **content,
                       size_t *len)
{
    struct buffer t = {0};
    *content = NULL;
    if (!file_slurp(path, max_bytes, &t)) {
        int error = errno;
        buffer_free(&t);
        return error == ENOENT || refuse(f, "%s: %s. %s", path, strerror(error), NAME_IT);
    }
    arena_defer(f->arena, free, t.data);
    *content = t.data;
    *len = t.len;
    return true;
}

/* ---- Terraform, our parent ----------------------------------------------------------------- */

/* terraform, tofu, terraform-1.9.8, my-terraform-wrapper; not another provider. */
static bool looks_like_terraform(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    return strncmp(name, "terraform-provider", 18) != 0 &&
           (strstr(name, "terraform") || strstr(name, "tofu"));
}

/* The arguments of a process, or none. */
static struct words read_command_line(struct finder *f, int pid)
{
    const char *bytes;
    size_t len;
    struct words w = {0};
    struct state_refusal ignored, *why = f->why;
    f->why = &ignored; /* not being allowed to look is like not knowing */
    bool ok =
        small_file(f, arena_printf(f->arena, "/proc/%d/cmdline", pid), COMMAND_LINE, &bytes, &len);
    f->why = why;
    if (!ok || !bytes) {
        return w;
    }
    size_t count = 0;
    for (size_t at = 0; at < len; at += strlen(bytes + at) + 1) {
        count++;
    }
    w.items = arena_calloc(f->arena, count, sizeof *w.items);
    for (size_t at = 0; at < len; at += strlen(bytes + at) + 1) {
        w.items[w.count++] = bytes + at;
    }
    return w;
}

/* Is the process that started us Terraform? The magic cookie says so whatever its name is. */
static void find_terraform(struct finder *f, int pid)
{
    char exe[PATH_MAX];
    struct words line = read_command_line(f, pid);
    const char *link = arena_printf(f->arena, "/proc/%d/exe", pid);
    ssize_t n = readlink(link, exe, sizeof exe - 1);
    exe[n > 0 ? n : 0] = '\0';
    if (looks_like_terraform(exe) || (line.count && looks_like_terraform(line.items[0])) ||
        getenv("TF_PLUGIN_MAGIC_COOKIE")) {
        f->place->terraform = pid;
        f->command_line = line;
    }
}

/* The first word after the program that is no option: -chdir=... stands before it. */
static size_t subcommand_at(const struct words *w)
{
    for (size_t i = 1; i < w->count; i++) {
        if (*w->items[i] != '-') {
            return i;
        }
    }
    return w->count;
}

/* The value of the last -state=X, --state=X or -state X; NULL: none. */
static const char *state_flag(const struct words *w, size_t from)
{
    const char *value = NULL;
    for (size_t i = from; i < w->count && strcmp(w->items[i], "--") != 0; i++) {
        const char *word = w->items[i];
        if (strncmp(word, "--", 2) == 0) {
            word++;
        }
        if (strncmp(word, "-state=", 7) == 0) {
            value = word + 7;
        } else if (strcmp(word, "-state") == 0 && i + 1 < w->count) {
            value = w->items[++i];
        }
    }
    return value;
}

/* Words as a shell would split them: quotes and backslashes, nothing expanded. */
static struct words split_words(struct arena *a, const char *text)
{
    char *out = arena_alloc(a, strlen(text) + 1);
    struct words w = {.items = arena_calloc(a, strlen(text) / 2 + 1, sizeof *w.items)};
    char quote = '\0';
    bool inside = false;
    for (const char *p = text; *p; p++) {
        if (!quote && isspace((unsigned char)*p)) {
            if (inside) {
                *out++ = '\0';
            }
            inside = false;
            continue;
        }
        if (!inside) {
            w.items[w.count++] = out;
            inside = true;
        }
        if (quote ? *p == quote : *p == '"' || *p == '\'') {
            quote = quote ? '\0' : *p;
        } else if (*p == '\\' && quote != '\'' && p[1]) {
            *out++ = *++p;
        } else {
            *out++ = *p;
        }
    }
    return w;
}

static const char *state_flag_of_variable(struct finder *f, const char *name)
{
    const char *value = getenv(name);
    struct words w = split_words(f->arena, value ? value : "");
    return state_flag(&w, 0);
}

static const char *state_override(struct finder *f)
{
    size_t at = subcommand_at(&f->command_line);
    const char *path = state_flag(&f->command_line, at);
    if (!path) {
        path = state_flag_of_variable(f, "TF_CLI_ARGS");
    }
    if (!path && at < f->command_line.count) {
        path = state_flag_of_variable(
            f, arena_printf(f->arena, "TF_CLI_ARGS_%s", f->command_line.items[at]));
    }
    return path && *path ? path : NULL;
}

/* ---- Workspace and backend ----------------------------------------------------------------- */

/* Terraform wants a name that needs no escaping in a URL; what matters here is that it stays one
 * step below workspace_dir. */
static bool workspace_is_valid(const char *name)
{
    size_t len = strlen(name);
    if (!len || len > WORKSPACE_MAX || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)name[i]) && !strchr("-_.~$&+=:@", name[i])) {
            return false;
        }
    }
    return true;
}

static bool find_workspace(struct finder *f, const char *data_dir, const char **name)
{
    const char *from = "TF_WORKSPACE", *value = getenv(from), *content;
    size_t len;
    if (!value || !*value) {
        from = join(f, data_dir, "environment");
        if (!small_file(f, from, SMALL_FILE, &content, &len)) {
            return false;
        }
        value = content ? content : "";
        while (isspace((unsigned char)*value)) {
            value++;
        }
        len = strlen(value);
        while (len && isspace((unsigned char)value[len - 1])) {
            len--;
        }
        value = len ? arena_strndup(f->arena, value, len) : "default";
    }
    if (!workspace_is_valid(value)) {
        return refuse(f, "%s names the workspace \"%.300s\", which is no name of a workspace. %s",
                      from, value, NAME_IT);
    }
    *name = value;
    return true;
}

struct backend {
    const char *type;
    const char *path, *workspace_dir; /* of the local backend; NULL: default */
};

/* A string of the backend's configuration, copied; NULL when it is unset. */
static bool config_string(struct finder *f, const char *file, struct json_object *config,
                          const char *name, const char **out)
{
    struct json_object *v = json_object_object_get(config, name);
    if (v && !json_object_is_type(v, json_type_string)) {
        return refuse(f, "%s: backend.config.%s is no string. %s", file, name, NAME_IT);
    }
    const char *s = v ? json_object_get_string(v) : "";
    *out = *s ? arena_strdup(f->arena, s) : NULL;
    return true;
}

static void release_json(void *json)
{
    json_object_put(json);
}

static bool find_backend(struct finder *f, const char *data_dir, struct backend *b)
{
    const char *file = join(f, data_dir, "terraform.tfstate"), *content;
    char error[160];
    size_t len;
    *b = (struct backend){.type = "local"};
    if (!small_file(f, file, SMALL_FILE, &content, &len)) {
        return false;
    }
    if (!content) {
        return true;
    }
    struct json_object *root = state_json_object(content, len, error, sizeof error);
    if (!root) {
        return refuse(f, "%s: %s. Run `terraform init` again.", file, error);
    }
    arena_defer(f->arena, release_json, root);
    struct json_object *store = json_object_object_get(root, "state_store");
    struct json_object *backend = json_object_object_get(root, "backend");
    if (store || !backend) {
        b->type = store ? "state_store" : "local";
        return true;
    }
    struct json_object *type = json_object_object_get(backend, "type");
    struct json_object *config = json_object_object_get(backend, "config");
    if (!json_object_is_type(type, json_type_string) ||
        (config && !json_object_is_type(config, json_type_object))) {
        return refuse(f, "%s: it does not say which backend is used. Run `terraform init` again.",
                      file);
    }
    b->type = arena_strdup(f->arena, json_object_get_string(type));
    return strcmp(b->type, "local") != 0 ||
           (config_string(f, file, config, "path", &b->path) &&
            config_string(f, file, config, "workspace_dir", &b->workspace_dir));
}

/* ---- Locks, where the command line is out of reach ------------------------------------------ */

/* Does a process hold a lock on this file, as Terraform does while it works on it? */
static bool is_locked(const char *path)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = file_open(path, 0);
    if (fd < 0) {
        return false;
    }
    bool held = fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    close(fd);
    return held;
}

/* The Path in a lock info whose state is locked now; NULL otherwise. */
static const char *live_lock_path(struct finder *f, const char *entry)
{
    static const char ending[] = ".lock.info";
    size_t len = strlen(entry), tail = sizeof ending - 1;
    char error[160];
    if (entry[0] != '.' || len <= tail + 1 || strcmp(entry + len - tail, ending) != 0) {
        return NULL;
    }
    const char *name = arena_strndup(f->arena, entry + 1, len - tail - 1);
    const char *directory = f->place->directory;
    if (!is_locked(join(f, directory, name)) &&
        !is_locked(join(f, directory, arena_printf(f->arena, ".%s", name)))) {
        return NULL;
    }
    struct buffer t = {0};
    if (!file_slurp(join(f, directory, entry), SMALL_FILE, &t)) {
        buffer_free(&t);
        return NULL;
    }
    struct json_object *info = state_json_object(t.data, t.len, error, sizeof error);
    buffer_free(&t);
    if (!info) {
        return NULL;
    }
    arena_defer(f->arena, release_json, info);
    struct json_object *path = json_object_object_get(info, "Path");
    if (!json_object_is_type(path, json_type_string) || !json_object_get_string_len(path)) {
        return NULL;
    }
    return json_object_get_string(path);
}

static void close_directory(void *dir)
{
    closedir(dir);
}

/* Another state than the expected one is being worked on: the path in the only live lock. */
static bool follow_lock(struct finder *f, const char *expected, const char **path)
{
    struct dirent *entry;
    const char *found = NULL;
    *path = NULL;
    if (is_locked(join(f, f->place->directory, expected))) {
        return true;
    }
    DIR *dir = opendir(f->place->directory);
    if (!dir) {
        return refuse(f, "%s: %s.", f->place->directory, strerror(errno));
    }
    arena_defer(f->arena, close_directory, dir);
    while ((entry = readdir(dir))) {
        const char *other = live_lock_path(f, entry->d_name);
        if (!other) {
            continue;
        }
        if (found && strcmp(found, other) != 0) {
            return refuse(f,
                          "Terraform works on several states in %s (%s, %s) and nothing says which "
                          "one belongs to this process. %s",
                          f->place->directory, found, other, NAME_IT);
        }
        found = other;
    }
    *path = found;
    return true;
}

/* ---- The place ----------------------------------------------------------------------------- */

static void place_file(struct finder *f, const char *path, bool elsewhere)
{
    f->place->kind = PLACE_FILE;
    f->place->path = join(f, f->place->directory, path);
    f->place->shown = path;
    f->place->elsewhere = elsewhere;
}

static bool place_local(struct finder *f, const struct backend *b, const char *data_dir)
{
    const char *workspace = NULL, *path = state_override(f);
    if (path) {
        place_file(f, path, true);
        return true;
    }
    if (!find_workspace(f, data_dir, &workspace)) {
        return false;
    }
    const char *expected = b->path ? b->path : "terraform.tfstate";
    if (strcmp(workspace, "default") != 0) {
        expected =
            arena_printf(f->arena, "%s/%s/terraform.tfstate",
                         b->workspace_dir ? b->workspace_dir : "terraform.tfstate.d", workspace);
    }
    if (!f->command_line.count && !follow_lock(f, expected, &path)) {
        return false;
    }
    place_file(f, path ? path : expected, path != NULL);
    return true;
}

static bool find_directory(struct finder *f, const char *wanted)
{
    char here[PATH_MAX];
    if (!getcwd(here, sizeof here)) {
        return refuse(f, "The working directory is not readable: %s.", strerror(errno));
    }
    f->place->directory = wanted ? join(f, here, wanted) : arena_strdup(f->arena, here);
    return true;
}

bool state_find(struct arena *a, const struct state_options *o, struct state_place *out,
                struct state_refusal *why)
{
    struct finder f = {.arena = a, .place = out, .why = why};
    struct backend backend;
    *out = (struct state_place){0};
    if (!find_directory(&f, o->directory)) {
        return false;
    }
    find_terraform(&f, o->parent ? o->parent : getppid());
    if (o->path) {
        place_file(&f, o->path, true);
        return true;
    }
    if (o->command && o->command[0]) {
        out->kind = PLACE_COMMAND;
        return true;
    }
    size_t at = subcommand_at(&f.command_line);
    if (at < f.command_line.count && strcmp(f.command_line.items[at], "test") == 0) {
        out->kind = PLACE_MEMORY;
        return true;
    }
    const char *configured = getenv("TF_DATA_DIR");
    const char *data_dir =
        join(&f, out->directory, configured && *configured ? configured : ".terraform");
    if (!find_backend(&f, data_dir, &backend)) {
        return false;
    }
    if (strcmp(backend.type, "local") == 0) {
        return place_local(&f, &backend, data_dir);
    }
    out->kind = PLACE_PULL;
    out->shown = backend.type;
    return true;
}
