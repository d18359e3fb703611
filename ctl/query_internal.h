/*
 * query_internal - the parts of JMESPath
 *
 * query_words.c takes a query apart into words, query_tree.c makes a tree of them, query_eval.c
 * walks it over a value, query_functions.c has the functions. Where something is wrong, the first
 * error is kept, and everything from there on returns quickly, with a value that means nothing.
 */
#ifndef CTL_QUERY_INTERNAL_H
#define CTL_QUERY_INTERNAL_H

#include "ctl/query.h"
#include "provider/data.h"

#define QUERY_MAX_TREE  500      /* depth of the tree, and so of what a query makes */
#define QUERY_MAX_ITEMS 5000000  /* elements that a query makes; bytes that join() makes */
#define QUERY_MAX_READ  50000000 /* values in its answer, and in what it compares and prints */

enum word {
    WORD_END,
    WORD_NAME,
    WORD_QUOTED,
    WORD_LITERAL,
    WORD_NUMBER,
    WORD_CURRENT,
    WORD_EXPREF,
    WORD_RBRACKET,
    WORD_RPAREN,
    WORD_RBRACE,
    WORD_COMMA,
    WORD_COLON,
    WORD_PIPE,
    WORD_OR,
    WORD_AND,
    WORD_EQ,
    WORD_NE,
    WORD_LT,
    WORD_LE,
    WORD_GT,
    WORD_GE,
    WORD_FLATTEN,
    WORD_STAR,
    WORD_FILTER,
    WORD_DOT,
    WORD_NOT,
    WORD_LBRACE,
    WORD_LBRACKET,
    WORD_LPAREN,
};

enum node_kind {
    NODE_CURRENT,
    NODE_FIELD,   /* text */
    NODE_INDEX,   /* number */
    NODE_SLICE,   /* slice */
    NODE_CHAIN,   /* right of left */
    NODE_PROJECT, /* right of each element of left */
    NODE_VALUES,  /* right of each member of left */
    NODE_FILTER,  /* right of each element of left of which `test` is true */
    NODE_FLATTEN, /* left, one level of lists taken out */
    NODE_LITERAL, /* value */
    NODE_LIST,    /* items */
    NODE_OBJECT,  /* items and their names */
    NODE_OR,
    NODE_AND,
    NODE_NOT,     /* left */
    NODE_COMPARE, /* op */
    NODE_CALL,    /* text, items */
    NODE_EXPREF,  /* left */
};

struct node {
    enum node_kind kind;
    unsigned depth;
    const struct node *left, *right, *test;
    const char *text;
    long number;
    struct slice {
        long start, stop, step;
        bool has_start, has_stop;
    } slice;
    enum word op;
    const struct value *value;
    const struct node **items;
    const char **names;
    size_t count;
};

/* `@` */
extern const struct node query_current;

struct query {
    struct arena *arena;
    const char *text;
    size_t at, start; /* behind and before the present word */
    enum word word;
    const char *value; /* of a name, a literal */
    size_t len;
    long number;
    unsigned nesting;
    size_t made, read; /* against QUERY_MAX_ITEMS, QUERY_MAX_READ */
    const char *error;
};

/* Notes an error, unless there is one already. / The same, with the place of the present word. */
void query_fail(struct query *q, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void query_fail_at(struct query *q, const char *what);

/* Goes on to the next word. After an error it is WORD_END. */
void query_advance(struct query *q);

/* The tree of an expression that ends before the first word that binds no more than `binding`.
 * Never NULL. */
const struct node *query_parse(struct query *q, int binding);

/* What the node finds in v; never NULL. */
const struct value *query_eval(struct query *q, const struct node *n, const struct value *v);
/* A function's call; its arguments are evaluated in v. */
const struct value *query_call(struct query *q, const struct node *n, const struct value *v);
/* Counts what the query makes; beyond QUERY_MAX_ITEMS is an error. / Adds to a list, counted. */
void query_count(struct query *q, size_t more);
void query_add(struct query *q, struct items *l, const struct value *v);
/* Are all values in v few enough to be walked through? A query can make a value that is small in
 * memory and endless to walk, because its parts are shared. O(values). */
bool query_may_read(struct query *q, const struct value *v);
double query_number(const struct value *v);

#endif
