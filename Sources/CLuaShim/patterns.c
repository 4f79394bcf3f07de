// string.find, match, gmatch and gsub as Lua has them (reference manual 5.4, section 6.4.1), but that a stop reaches them: a pattern
// with several repetitions can take years over a text of some kilobytes, and no hook reaches a loop in C.
#include <ctype.h>
#include <string.h>

#include "shim.h"

enum {
    MOST_CAPTURES = 32,
    MOST_DEPTH = 200,      // of calls within one another, as in Lua
    UNFINISHED = -1,       // length of a capture whose end is not reached
    POSITION = -2,         // of one that stands for a place
    POLL_STEPS = 1 << 14,  // some tens of microseconds
};

typedef struct matcher {
    lua_State *L;
    const char *text, *text_end, *pattern_end;
    int depth;
    ptrdiff_t steps;  // since the last look at whether to stop
    int count;
    struct {
        const char *start;
        ptrdiff_t length;
    } captures[MOST_CAPTURES];
} matcher;

// Field by field: what the captures hold is never read before it is set, and there is one matcher for each match of gmatch.
static void begin(matcher *m, lua_State *L, const char *text, size_t length, const char *pattern_end) {
    m->L = L;
    m->text = text;
    m->text_end = text + length;
    m->pattern_end = pattern_end;
    m->steps = 0;
}

static inline void step(matcher *m) {
    if (++m->steps < POLL_STEPS) return;
    m->steps = 0;
    lw_poll(m->L);
}

// MARK: One character

// The end of the item that begins at `p`: a character, %x, . or a set.
static const char *item_end(matcher *m, const char *p) {
    switch (*p++) {
    case '%':
        if (p == m->pattern_end) luaL_error(m->L, "malformed pattern (ends with '%%')");
        return p + 1;
    case '[':
        if (p < m->pattern_end && *p == '^') p++;
        do {  // a first ] stands for itself
            if (p == m->pattern_end) luaL_error(m->L, "malformed pattern (missing ']')");
            char c = *p++;
            if (c == '%' && p < m->pattern_end) p++;
        } while (p == m->pattern_end || *p != ']');
        return p + 1;
    default: return p;
    }
}

static bool is_of_class(int c, int name) {
    bool is;
    switch (tolower(name)) {
    case 'a': is = isalpha(c); break;
    case 'c': is = iscntrl(c); break;
    case 'd': is = isdigit(c); break;
    case 'g': is = isgraph(c); break;
    case 'l': is = islower(c); break;
    case 'p': is = ispunct(c); break;
    case 's': is = isspace(c); break;
    case 'u': is = isupper(c); break;
    case 'w': is = isalnum(c); break;
    case 'x': is = isxdigit(c); break;
    case 'z': is = c == 0; break;  // not documented any more, and still there
    default: return name == c;
    }
    return isupper(name) ? !is : is;
}

// Whether a set, from its [ to its ], has a character.
static bool is_in_set(int c, const char *p, const char *end) {
    bool wanted = true;
    if (p[1] == '^') {
        wanted = false;
        p++;
    }
    while (++p < end) {
        if (*p == '%') {
            p++;
            if (is_of_class(c, (unsigned char)*p)) return wanted;
        } else if (p[1] == '-' && p + 2 < end) {
            p += 2;
            if ((unsigned char)p[-2] <= c && c <= (unsigned char)*p) return wanted;
        } else if ((unsigned char)*p == c) {
            return wanted;
        }
    }
    return !wanted;
}

static inline bool is_match(const matcher *m, const char *s, const char *p, const char *end) {
    if (s >= m->text_end) return false;
    int c = (unsigned char)*s;
    switch (*p) {
    case '.': return true;
    case '%': return is_of_class(c, (unsigned char)p[1]);
    case '[': return is_in_set(c, p, end - 1);
    default: return (unsigned char)*p == c;
    }
}

// MARK: A pattern from a place

static const char *match(matcher *m, const char *s, const char *p);

static const char *match_balance(matcher *m, const char *s, const char *p) {
    if (p >= m->pattern_end - 1) luaL_error(m->L, "malformed pattern (missing arguments to '%%b')");
    if (s >= m->text_end || *s != *p) return NULL;
    char open = *p, close = p[1];
    for (int nested = 1; ++s < m->text_end;) {
        step(m);
        if (*s == close) {
            if (--nested == 0) return s + 1;
        } else if (*s == open) {
            nested++;
        }
    }
    return NULL;
}

// As often as it can, then less.
static const char *match_most(matcher *m, const char *s, const char *p, const char *end) {
    ptrdiff_t count = 0;
    while (is_match(m, s + count, p, end)) {
        count++;
        step(m);
    }
    for (; count >= 0; count--) {
        const char *found = match(m, s + count, end + 1);
        if (found) return found;
    }
    return NULL;
}

// As seldom as it can, then more.
static const char *match_least(matcher *m, const char *s, const char *p, const char *end) {
    for (;;) {
        const char *found = match(m, s, end + 1);
        if (found) return found;
        if (!is_match(m, s, p, end)) return NULL;
        s++;
        step(m);
    }
}

static const char *match_capture(matcher *m, const char *s, const char *p, ptrdiff_t length) {
    if (m->count >= MOST_CAPTURES) luaL_error(m->L, "too many captures");
    m->captures[m->count].start = s;
    m->captures[m->count].length = length;
    m->count++;
    const char *found = match(m, s, p);
    if (!found) m->count--;
    return found;
}

static const char *close_capture(matcher *m, const char *s, const char *p) {
    int open = m->count - 1;
    while (open >= 0 && m->captures[open].length != UNFINISHED) open--;
    if (open < 0) luaL_error(m->L, "invalid pattern capture");
    m->captures[open].length = s - m->captures[open].start;
    const char *found = match(m, s, p);
    if (!found) m->captures[open].length = UNFINISHED;
    return found;
}

// What an earlier capture holds, once more.
static const char *match_again(matcher *m, const char *s, int name) {
    int number = name - '1';
    if (number < 0 || number >= m->count || m->captures[number].length == UNFINISHED) {
        luaL_error(m->L, "invalid capture index %%%d", number + 1);
    }
    // The length of a position, as Lua takes it, is larger than any text.
    size_t length = (size_t)m->captures[number].length;
    if ((size_t)(m->text_end - s) < length || memcmp(m->captures[number].start, s, length) != 0) return NULL;
    m->steps += (ptrdiff_t)length;
    return s + length;
}

static bool is_frontier(matcher *m, const char *s, const char *p, const char *end) {
    int before = s == m->text ? 0 : (unsigned char)s[-1], after = s < m->text_end ? (unsigned char)*s : 0;
    return !is_in_set(before, p, end - 1) && is_in_set(after, p, end - 1);
}

// The end of what the pattern from `p` on matches at `s`, NULL where it does not.
static const char *match(matcher *m, const char *s, const char *p) {
    if (m->depth-- == 0) luaL_error(m->L, "pattern too complex");
    step(m);
    while (s && p != m->pattern_end) {
        if (*p == '(') {
            bool is_position = p + 1 < m->pattern_end && p[1] == ')';
            s = is_position ? match_capture(m, s, p + 2, POSITION) : match_capture(m, s, p + 1, UNFINISHED);
            break;
        }
        if (*p == ')') {
            s = close_capture(m, s, p + 1);
            break;
        }
        if (*p == '$' && p + 1 == m->pattern_end) {
            s = s == m->text_end ? s : NULL;
            break;
        }
        if (*p == '%' && p + 1 < m->pattern_end) {
            if (p[1] == 'b') {
                s = match_balance(m, s, p + 2);
                p += 4;
                continue;
            }
            if (p[1] == 'f') {
                p += 2;
                if (p == m->pattern_end || *p != '[') luaL_error(m->L, "missing '[' after '%%f' in pattern");
                const char *end = item_end(m, p);
                if (!is_frontier(m, s, p, end)) s = NULL;
                p = end;
                continue;
            }
            if (isdigit((unsigned char)p[1])) {
                s = match_again(m, s, (unsigned char)p[1]);
                p += 2;
                continue;
            }
        }
        const char *end = item_end(m, p);
        char suffix = end < m->pattern_end ? *end : 0;
        if (suffix == '*' || suffix == '+') {
            if (suffix == '+') s = is_match(m, s, p, end) ? match_most(m, s + 1, p, end) : NULL;
            else s = match_most(m, s, p, end);
            break;
        }
        if (suffix == '-') {
            s = match_least(m, s, p, end);
            break;
        }
        bool is = is_match(m, s, p, end);
        if (suffix == '?') {
            const char *found = is ? match(m, s + 1, end + 1) : NULL;
            if (found) {
                s = found;
                break;
            }
            p = end + 1;
            continue;
        }
        s = is ? s + 1 : NULL;
        p = end;
    }
    m->depth++;
    return s;
}

static const char *match_at(matcher *m, const char *s, const char *p) {
    m->count = 0;
    m->depth = MOST_DEPTH;
    return match(m, s, p);
}

// MARK: What was captured

static void push_capture(matcher *m, int number, const char *start, const char *end) {
    if (number >= m->count) {
        if (number != 0) luaL_error(m->L, "invalid capture index %%%d", number + 1);
        lua_pushlstring(m->L, start, (size_t)(end - start));
        return;
    }
    ptrdiff_t length = m->captures[number].length;
    if (length == UNFINISHED) luaL_error(m->L, "unfinished capture");
    if (length == POSITION) lua_pushinteger(m->L, m->captures[number].start - m->text + 1);
    else lua_pushlstring(m->L, m->captures[number].start, (size_t)length);
}

// All captures, the whole match where there are none and `start` is given.
static int push_captures(matcher *m, const char *start, const char *end) {
    int count = m->count == 0 && start ? 1 : m->count;
    luaL_checkstack(m->L, count, "too many captures");
    for (int i = 0; i < count; i++) push_capture(m, i, start, end);
    return count;
}

// MARK: find and match

static bool has_specials(const char *pattern, size_t length) {
    for (size_t i = 0; i < length; i++) {
        if (pattern[i] && strchr("^$*+?.([%-", pattern[i])) return true;
    }
    return false;
}

// The place from 0 at which a search begins, from an index that may count from the end.
static size_t first_place(lua_Integer index, size_t length) {
    if (index > 0) return (size_t)index - 1;
    if (index == 0 || index < -(lua_Integer)length) return 0;
    return length + (size_t)index;
}

static int find_or_match(lua_State *L, bool finds) {
    size_t text_length, pattern_length;
    const char *text = luaL_checklstring(L, 1, &text_length), *pattern = luaL_checklstring(L, 2, &pattern_length);
    size_t first = first_place(luaL_optinteger(L, 3, 1), text_length);
    if (first > text_length) {
        luaL_pushfail(L);
        return 1;
    }
    if (finds && (lua_toboolean(L, 4) || !has_specials(pattern, pattern_length))) {
        const char *found = pattern_length ? memmem(text + first, text_length - first, pattern, pattern_length) : text + first;
        if (!found) {
            luaL_pushfail(L);
            return 1;
        }
        lua_pushinteger(L, found - text + 1);
        lua_pushinteger(L, found - text + (lua_Integer)pattern_length);
        return 2;
    }
    matcher m;
    begin(&m, L, text, text_length, pattern + pattern_length);
    bool is_anchored = *pattern == '^';
    for (const char *s = text + first; s <= m.text_end; s++) {
        const char *end = match_at(&m, s, pattern + is_anchored);
        if (end && finds) {
            lua_pushinteger(L, s - text + 1);
            lua_pushinteger(L, end - text);
            return push_captures(&m, NULL, NULL) + 2;
        }
        if (end) return push_captures(&m, s, end);
        if (is_anchored) break;
    }
    luaL_pushfail(L);
    return 1;
}

int lw_string_find(lua_State *L) { return find_or_match(L, true); }

int lw_string_match(lua_State *L) { return find_or_match(L, false); }

// MARK: gmatch

// Upvalues: text, pattern, place of the next search, end of the last match (-1 before the first).
static int next_match(lua_State *L) {
    size_t text_length, pattern_length;
    const char *text = lua_tolstring(L, lua_upvalueindex(1), &text_length);
    const char *pattern = lua_tolstring(L, lua_upvalueindex(2), &pattern_length);
    lua_Integer last = lua_tointeger(L, lua_upvalueindex(4));
    matcher m;
    begin(&m, L, text, text_length, pattern + pattern_length);
    for (const char *s = text + lua_tointeger(L, lua_upvalueindex(3)); s <= m.text_end; s++) {
        const char *end = match_at(&m, s, pattern);
        if (!end || end - text == last) continue;
        lua_pushinteger(L, end - text);
        lua_copy(L, -1, lua_upvalueindex(3));
        lua_replace(L, lua_upvalueindex(4));
        return push_captures(&m, s, end);
    }
    return 0;
}

int lw_string_gmatch(lua_State *L) {
    size_t length;
    luaL_checklstring(L, 1, &length);
    luaL_checkstring(L, 2);
    size_t first = first_place(luaL_optinteger(L, 3, 1), length);
    lua_settop(L, 2);
    lua_pushinteger(L, (lua_Integer)(first > length ? length + 1 : first));
    lua_pushinteger(L, -1);
    lua_pushcclosure(L, next_match, 4);
    return 1;
}

// MARK: gsub

// Adds a replacement text, with %0 to %9 as what was captured.
static void add_text(matcher *m, luaL_Buffer *buffer, const char *start, const char *end) {
    size_t length;
    const char *text = lua_tolstring(m->L, 3, &length), *text_end = text + length;
    while (text < text_end) {
        const char *sign = memchr(text, '%', (size_t)(text_end - text));
        luaL_addlstring(buffer, text, (size_t)((sign ? sign : text_end) - text));
        if (!sign) return;
        text = sign + 2;
        char name = sign + 1 < text_end ? sign[1] : 0;
        if (name == '%') {
            luaL_addchar(buffer, '%');
        } else if (name == '0') {
            luaL_addlstring(buffer, start, (size_t)(end - start));
        } else if (isdigit((unsigned char)name)) {
            push_capture(m, name - '1', start, end);
            luaL_addvalue(buffer);
        } else {
            luaL_error(m->L, "invalid use of '%%' in replacement string");
        }
    }
}

// Adds what stands for one match; gives whether that is something else than the match.
static bool add_replacement(matcher *m, luaL_Buffer *buffer, const char *start, const char *end, int type) {
    lua_State *L = m->L;
    if (type == LUA_TFUNCTION) {
        lua_pushvalue(L, 3);
        lua_call(L, push_captures(m, start, end), 1);
    } else if (type == LUA_TTABLE) {
        push_capture(m, 0, start, end);
        lua_gettable(L, 3);
    } else {
        add_text(m, buffer, start, end);
        return true;
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        luaL_addlstring(buffer, start, (size_t)(end - start));
        return false;
    }
    if (!lua_isstring(L, -1)) luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    luaL_addvalue(buffer);
    return true;
}

int lw_string_gsub(lua_State *L) {
    size_t text_length, pattern_length;
    const char *text = luaL_checklstring(L, 1, &text_length), *pattern = luaL_checklstring(L, 2, &pattern_length);
    int type = lua_type(L, 3);
    luaL_argexpected(
        L, type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION || type == LUA_TTABLE, 3,
        "string/function/table");
    lua_Integer most = luaL_optinteger(L, 4, (lua_Integer)text_length + 1), count = 0;
    bool is_anchored = *pattern == '^', has_changed = false;
    matcher m;
    begin(&m, L, text, text_length, pattern + pattern_length);
    luaL_Buffer buffer;
    luaL_buffinit(L, &buffer);
    const char *s = text, *last = NULL;
    while (count < most) {
        const char *end = match_at(&m, s, pattern + is_anchored);
        if (end && end != last) {
            count++;
            has_changed |= add_replacement(&m, &buffer, s, end, type);
            s = last = end;
        } else if (s < m.text_end) {
            luaL_addchar(&buffer, *s++);
        } else {
            break;
        }
        if (is_anchored) break;
    }
    if (has_changed) {
        luaL_addlstring(&buffer, s, (size_t)(m.text_end - s));
        luaL_pushresult(&buffer);
    } else {
        lua_pushvalue(L, 1);  // the text itself
    }
    lua_pushinteger(L, count);
    return 2;
}
