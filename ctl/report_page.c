/*
 * report_page - the template around the data
 *
 * The template has places of the form {{name}}. What is put there is either HTML-escaped text or
 * one of our own parts, and is not searched for places again: data cannot bring its own.
 *
 * The policy allows exactly the script and the style that were built in, by their SHA-256, and
 * nothing else: no network, no images, no frames, no script that a name smuggled in.
 */
#include "ctl/report.h"

#include <openssl/evp.h>
#include <string.h>

static void put_escaped(struct text *t, const char *s)
{
    for (; *s; s++)
        if (*s == '<')
            text_puts(t, "&lt;");
        else if (*s == '&')
            text_puts(t, "&amp;");
        else if (*s == '"')
            text_puts(t, "&quot;");
        else
            text_add(t, s, 1);
}

/* 'sha256-...' of what stands between the tags. */
static const char *source_hash(struct arena *a, const char *source)
{
    unsigned char digest[EVP_MAX_MD_SIZE], base64[2 * EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (EVP_Digest(source, strlen(source), digest, &len, EVP_sha256(), NULL) != 1)
        arena_exhausted(a); /* SHA-256 has no other way to fail */
    EVP_EncodeBlock(base64, digest, (int)len);
    return arena_printf(a, "'sha256-%s'", (const char *)base64);
}

static const char *policy(struct arena *a)
{
    return arena_printf(a,
                        "default-src 'none'; script-src %s; style-src %s; base-uri 'none'; "
                        "form-action 'none'",
                        source_hash(a, report_js), source_hash(a, report_css));
}

static void put_place(struct text *t, const char *name, size_t len, const char *title,
                      const char *data)
{
    const struct {
        const char *name, *content;
        bool escaped;
    } places[] = {
        {"title", title, true},       {"policy", policy(t->arena), true},
        {"style", report_css, false}, {"script", report_js, false},
        {"data", data, false},
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (strlen(places[i].name) == len && strncmp(places[i].name, name, len) == 0) {
            if (places[i].escaped)
                put_escaped(t, places[i].content);
            else
                text_puts(t, places[i].content);
        }
}

const char *report_page(struct arena *a, const char *title, const char *data, size_t *len)
{
    struct text t = text_new(a);
    const char *rest = report_html;
    for (const char *place; (place = strstr(rest, "{{")); rest = strstr(place, "}}") + 2) {
        text_add(&t, rest, (size_t)(place - rest));
        put_place(&t, place + 2, (size_t)(strstr(place, "}}") - place - 2), title, data);
    }
    text_puts(&t, rest);
    const char *page = text_end(&t);
    *len = t.len;
    return page;
}
