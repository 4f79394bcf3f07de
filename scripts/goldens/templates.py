#!/usr/bin/env python3
"""Makes Tests/Goldens/templates.json: small chat templates of every kind, and what jinja2 makes of them in transformers' environment.

    {"variables": {...}, "cases": [{"template", "variables" (beside the common ones), "text", "generated" | "error": [kind, message, line]}]}

`generated`: where `{% generation %}` blocks lie, in characters. The clock stands at 2024-07-26 09:05:07.123456. A case whose error is
Python's own, such as a TypeError, counts by its kind and message too; a line is given for errors of syntax only.
"""

import datetime
import json
import sys
from pathlib import Path

from transformers.utils import chat_template_utils

ROOT = Path(__file__).resolve().parents[2]

VARIABLES = {
    "messages": [
        {"role": "system", "content": "Be terse."},
        {"role": "user", "content": "Hi — “you” & <me>\n  "},
        {"role": "assistant", "content": "Ünïcödé 😀", "tool_calls": [
            {"id": "a1", "type": "function", "function": {"name": "add", "arguments": {"a": 1, "b": [2.5, None, True]}}}]},
        {"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "image"}, {"type": "text", "text": "two"}]},
    ],
    "tools": [{"type": "function", "function": {
        "name": "add", "description": "Adds \"two\" numbers\n", "parameters": {
            "type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": ["number", "null"]}}, "required": ["a"]}}}],
    "documents": None, "add_generation_prompt": True, "bos_token": "<s>", "eos_token": "</s>",
    "d": {"b": 1, "a": {"x": [1, 2]}, "C": None}, "e": {}, "l": [3, 1, 2], "n": [], "t": True, "f": False, "none_": None,
    "i": 7, "neg": -3, "x": 2.5, "big": 123456789012, "s": "héllo wörld", "w": "  a b\tc \n", "q": "it's \"q\" \\ \u200b\x01",
    "users": [{"name": "bob", "age": 3, "on": True}, {"name": "Al", "age": 1, "on": False}, {"name": "cy", "age": 3}],
    "nested": [[1, [2]], [3, []]], "words": ["b", "A", "c", "a"], "floats": [0.1, 1.0, 1e16, 1e-5, 1e22, 123456.789],
}

TEMPLATES = r"""
plain
{{ s }}|{{ w }}|{{ q }}|{{ i }}|{{ x }}|{{ t }}|{{ none_ }}|{{ missing }}|{{ l }}|{{ d }}|{{ q|list }}
{{ messages }}
{{ messages|tojson }}|{{ tools|tojson(indent=2) }}|{{ d|tojson(indent=4, sort_keys=True) }}
{{ q|tojson }}{{ q|tojson(ensure_ascii=true) }}{{ '😀é\x7f'|tojson(ensure_ascii=true) }}{{ floats|tojson(separators=(',',':')) }}
{{ e|tojson(indent=2) }}{{ n|tojson(indent=2) }}{{ d|tojson(indent='--') }}{{ d|tojson(indent=0) }}{{ (1,'a')|tojson }}
{{ {1: 2, none: 3, 2.5: 4, true: 5}|tojson }}{{ {(1,2): 3}|tojson }}
{{ missing|tojson }}
{{ namespace(a=1)|tojson }}
{{ floats }}{{ 1e100 }}{{ -0.0 }}{{ 1/3 }}{{ 5/5 }}{{ 100000000000000000.0 }}{{ 0.0001 }}{{ 0.00001 }}{{ 1.5e300 * 1e10 }}
{{ [none, true, 1.0, 'a', "it's", (1,), (), {}, {'a': none}] }}
{{ 1 + 2 * 3 - 4 }}{{ 7 // 2 }}{{ -7 // 2 }}{{ 7 % -3 }}{{ -7 % 3 }}{{ 7 / 2 }}{{ 2 ** 10 }}{{ 2 ** -1 }}{{ 2 ** 0.5 }}{{ 7.5 // 2 }}{{ -7.5 % 2 }}{{ 1_000 }}{{ 0x1F }}{{ 0b101 }}{{ 0o17 }}
{{ -i ** 2 }}|{{ - 3 }}|{{ +i }}|{{ not i }}|{{ not not i }}|{{ -x }}|{{ 2 ** 3 ** 2 }}|{{ true + 1 }}|{{ 3 * true }}
{{ 'a' ~ 1 ~ none ~ x ~ missing }}|{{ 'a' + 'b' }}|{{ 'ab' * 3 }}|{{ 3 * 'ab' }}|{{ [1] * 2 }}|{{ [1] + [2] }}|{{ (1,) + (2,) }}|{{ 'a' 'b' }}
{{ 1 < 2 }}{{ 1 < 2 < 3 }}{{ 1 < 3 < 2 }}{{ 'a' < 'b' }}{{ [1,2] < [1,3] }}{{ 1 == 1.0 }}{{ 1 == true }}{{ 'a' == 1 }}{{ none == none }}{{ l == [3,1,2] }}{{ d == d }}{{ (1,) == [1] }}{{ missing == none }}{{ missing == other }}
{{ 1 in l }}{{ 5 not in l }}{{ 'b' in d }}{{ 'll' in s }}{{ 'x' in missing }}{{ not 'x' in s }}{{ 1 in [true] }}{{ '' in '' }}
{{ 0 or 'a' }}{{ '' and 'b' }}{{ i and s }}{{ n or none_ }}{{ none_ or false or 0 }}{{ missing or 'd' }}
{{ 'y' if t else 'n' }}{{ 'y' if f }}{{ 'a' if f else 'b' if t else 'c' }}{{ ('a' if f) is defined }}
{{ l[0] }}{{ l[-1] }}{{ l[9] }}{{ s[1] }}{{ s[-1] }}{{ d['b'] }}{{ d.b }}{{ d.a.x[1] }}{{ d.zz }}{{ d['zz'] }}{{ l.0 }}{{ d.a['x'].1 }}{{ none_.a }}{{ i.a }}{{ l['a'] }}{{ l[true] }}{{ s['upper']() }}
{{ l[1:] }}{{ l[:-1] }}{{ l[::-1] }}{{ l[::2] }}{{ l[5:] }}{{ l[-2:1] }}{{ s[1:4] }}{{ s[::-1] }}{{ s[-3:] }}{{ s[4:1:-1] }}{{ (1,2,3)[1:] }}{{ range(10)[2:8:3] }}{{ l[none:2] }}{{ l[:100] }}{{ missing_[0:1] is defined if false else 'ok' }}
{{ missing.a }}
{{ missing['a'] }}
{{ missing.a.b }}
{{ d.zz.y }}
{{ d['zz']['y'] }}
{{ l[9].a }}
{{ none_.a.b }}
{{ i.a.b }}
{{ s.a.b }}
{{ l['k'].b }}
{{ d[1].b }}
{{ messages[0].content.text.x }}
{{ missing() }}
{{ missing + 1 }}
{{ 1 + missing }}
{{ 'a' + missing }}
{{ missing < 1 }}
{{ 1 > missing }}
{{ -missing }}
{{ missing[1:] }}
{{ 'a' + 1 }}
{{ 1 + 'a' }}
{{ 1 - 'a' }}
{{ l + 1 }}
{{ l + (1,) }}
{{ d + d }}
{{ none_ + 1 }}
{{ 'a' * 'b' }}
{{ 'a' * 1.5 }}
{{ 1 / 0 }}
{{ 1 // 0 }}
{{ 1 % 0 }}
{{ 1.0 / 0 }}
{{ 1.5 // 0 }}
{{ 1.5 % 0 }}
{{ 0 ** -1 }}
{{ 1 < 'a' }}
{{ none_ < 1 }}
{{ l < 1 }}
{{ d >= d }}
{{ 1 in 2 }}
{{ 1 in 'a' }}
{{ 'a' in none_ }}
{{ l in d }}
{{ d[l] }}{{ d[l] is defined }}
{{ none_[1:] }}
{{ l['a':] }}
{{ d[1:] }}
{{ l[::0] }}
{{ 5() }}
{{ s() }}
{{ s.nope() }}
{{ none_() }}
{{ i.x() }}
{{ l.append(1) }}
{{ l.append }}|{{ d.update }}|{{ d.__class__ }}|{{ s.__len__ }}|{{ l.sort is defined }}
{{ d.pop('b') }}
{{ d.__class__.x }}
{{ s.__class__.__mro__ }}
{% for m in messages %}{{ m.role }}:{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }}{{ loop.depth0 }};{% endfor %}
{% for a in l %}{{ loop.previtem }}<{{ a }}>{{ loop.nextitem }}{{ loop.cycle('x', 'y') }}{{ loop.changed(a > 1) }} {% endfor %}
{% for a in n %}x{% else %}empty{% endfor %}{% for a in l if a > 5 %}x{% else %}none{% endfor %}{% for a in missing %}x{% else %}undef{% endfor %}
{% for a in l if a > 1 %}{{ a }}{{ loop.index }}{{ loop.last }}{{ loop.length }}{% endfor %}
{% for a, b in d.items() %}{{ a }}={{ b }};{% endfor %}{% for k in d %}{{ k }}{% endfor %}{% for c in 'añ' %}[{{ c }}]{% endfor %}
{% for (a, (b, c)) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}{% for a, in [[1]] %}{{ a }}{% endfor %}
{% for a, b in [(1, 2, 3)] %}{% endfor %}
{% for a, b in [(1,)] %}{% endfor %}
{% for a, b in [1] %}{% endfor %}
{% for a in 5 %}{% endfor %}
{% for a in none_ %}{% endfor %}
{% for x in nested recursive %}[{{ x if x is number else loop(x) }}]{% if not loop.last %},{% endif %}{{ loop.depth }}{% endfor %}
{% for a in range(10) %}{% if a == 2 %}{% continue %}{% endif %}{% if a == 5 %}{% break %}{% endif %}{{ a }}{% endfor %}
{% for a in range(3) %}{% for b in range(3) %}{% if b == 1 %}{% break %}{% endif %}{{ a }}{{ b }}{{ loop.index }} {% endfor %}{{ loop.index }}{% endfor %}
{% for a in l %}{% set z = a %}{{ z }}{% endfor %}{{ z }}
{% set z = 0 %}{% for a in l %}{{ z }}{% set z = a %}{{ z }}{% endfor %}{{ z }}
{% set ns = namespace(z=0, y='a') %}{% for a in l %}{% set ns.z = ns.z + a %}{% endfor %}{{ ns.z }}{{ ns.y }}{{ ns.w }}{{ ns }}
{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a }}{{ ns['b'] }}{% set ns.c, ns.d = 1, 2 %}{{ ns.c + ns.d }}
{% set ns = namespace() %}{% set ns._a = 1 %}
{% set d.b = 2 %}
{% set zz.b = 2 %}
{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set c = 1, 2 %}{{ c }}{% set (e1, f1), g = [1, 2], 3 %}{{ e1 }}{{ g }}
{% set a %}x{{ i }}y{% endset %}{{ a }}{{ a is string }}{% set b | upper | trim %} a {% endset %}{{ b }}{% set c | replace('a', 'b') %}aa{% endset %}{{ c }}
{% if f %}a{% elif n %}b{% elif l %}c{% else %}d{% endif %}{% if missing %}x{% endif %}{% if f %}{% set q2 = 1 %}{% else %}{% set q2 = 2 %}{% endif %}{{ q2 }}
{% if f %}{% set bos_token = 'x' %}{% endif %}{{ bos_token }}
{% for i in l %}{{ tools is none }}{% endfor %}{% set tools = none %}{{ tools is none }}
{% for i in l %}{{ bos_token }}{% set bos_token = i %}{{ bos_token }} {% endfor %}{{ bos_token }}
{% set s %}[{{ s }}]{% endset %}{{ s }}
{% macro m(a, b=2, c=b) %}({{ a }},{{ b }},{{ c }}){% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(1, c=5) }}{{ m(b=1, a=2) }}{{ m() }}{{ m }}
{% macro m(a) %}{{ a.x }}{% endmacro %}{{ m() }}
{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, a=3) }}{{ m.name }}{{ m.arguments }}{{ m.catch_kwargs }}{{ m.caller }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, b=2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, a=2) }}
{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(5) }}
{% macro show(v, depth=0) -%}{% if v is mapping %}{% for k, x in v|dictsort %}{{ '  ' * depth }}{{ k }}: {{ show(x, depth + 1) }}{% endfor %}{% else %}{{ v }}{{ "\n" }}{% endif %}{%- endmacro %}{{ show(d) }}
{% macro m() %}<{{ caller() }}>{% endmacro %}{% call m() %}in {{ i }}{% endcall %}
{% macro m() %}<{{ caller(1, 2) }}|{{ caller(b=3, a=4) }}>{% endmacro %}{% call(a, b=0) m() %}{{ a }}{{ b }}{% endcall %}
{% macro m() %}<{{ caller() if caller }}>{% endmacro %}{{ m() }}{% call m() %}x{% endcall %}
{% macro m() %}x{% endmacro %}{% call m() %}y{% endcall %}
{% macro outer() %}{% set v = 1 %}{% macro inner() %}{{ v }}{{ late }}{% endmacro %}{{ inner() }}{% endmacro %}{% set late = 9 %}{{ outer() }}
{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}B{% endmacro %}{{ a() }}
{% for x1 in l %}{% macro m() %}{{ x1 }}{{ loop is defined }}{% endmacro %}{{ m() }}{% endfor %}
{% filter upper %}a{{ s }}{% endfilter %}{% filter replace('a', 'b')|trim %} aa {% endfilter %}
{% with a = 1, b = i %}{{ a }}{{ b }}{% set a = 5 %}{{ a }}{% endwith %}{{ a }}{% with %}{% set k = 1 %}{{ k }}{% endwith %}{{ k }}
{% block b1 %}{{ s }}{{ loop }}{% endblock %}{% for zz in l %}{% block b2 scoped %}{{ zz }}{% endblock %}{% endfor %}{% block b3 %}x{% endblock b3 %}
{% print s, i %}{% print %}
{% autoescape false %}<{{ s }}>{% endautoescape %}
{% raw %}{{ a }}{% b %}{# c #}{% endraw %}|{%- raw -%}  x  {%- endraw -%} y
{# comment #}a{#- c -#} b {#- c #} c {# d -#} d{#
  lines #}
e
{{ raise_exception('No ' + s) }}
{{ raise_exception(missing) }}
{{ raise_exception() }}
{{ strftime_now('%Y-%m-%d %d %b %Y %B %A %a %H:%M:%S %j %p %I %y %f %% %-d %e %U %W %V %G %u %w %D %F %T %R %c %x %X %Z%z|%n%t|%h%C') }}
{{ strftime_now() }}
{% generation %}a{% endgeneration %}
é{% for m in messages %}{{ m.role }}: {% if m.role == 'assistant' %}{% generation %}{{ m.content }}{{ eos_token }}{% endgeneration %}{% endif %}{% endfor %}
{% for m in messages %}{%- generation -%} {{ m.role }} {% set zq = 1 %}{{ zq }}{%- endgeneration -%} {{ zq }}{% endfor %}
{% macro g() %}ab{% generation %}x{% endgeneration %}{% endmacro %}12{{ g() }}{% generation %}{{ g() }}{% endgeneration %}
{{ range(3)|list }}{{ range(1, 4)|list }}{{ range(5, 0, -2)|list }}{{ range(3) }}{{ range(0, 5, 2) }}{{ range(3)|length }}{{ range(0)|list }}
{{ range(100001) }}
{{ range() }}
{{ range('a') }}
{{ range(1, 2, 0) }}
{{ dict(a=1, b=2) }}{{ dict([('a', 1)]) }}{{ dict(d, z=1) }}
{{ dict(1) }}
{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.reset() }}{{ c.current }}{% set j = joiner('; ') %}{{ j() }}{{ j() }}{{ j() }}
{{ d.items() }}{{ d.keys() }}{{ d.values() }}{{ d.items()|list }}{{ d.get('b') }}{{ d.get('zz') }}{{ d.get('zz', 5) }}{{ d.keys()|length }}{{ 'b' in d.keys() }}{{ d.copy() }}
{{ d.get() }}
{{ d.get(1, 2, 3) }}
{{ d.get(a=1) }}
{{ d.items(1) }}
{{ l.index(1) }}{{ l.count(3) }}{{ l.copy() }}{{ (1, 2, 1).count(1) }}{{ (1, 2).index(2) }}
{{ l.index(9) }}
{{ s.upper() }}{{ s.lower() }}{{ s.title() }}{{ s.capitalize() }}{{ 'aB'.swapcase() }}{{ 'ß'.upper() }}{{ 'ΑΣ ΑΣΑ'.lower() }}{{ "they're bill's 3rd"|title }}{{ "they're bill's 3rd".title() }}{{ 'ǆa'.title() }}{{ 'Straße'.casefold() }}
[{{ w.strip() }}][{{ w.lstrip() }}][{{ w.rstrip() }}][{{ 'xxaxx'.strip('x') }}][{{ 'abcab'.strip('ab') }}][{{ 'xa'.lstrip('x') }}][{{ 'ax'.rstrip('x') }}][{{ ' a '.strip(none) }}]
{{ 'a,b,,c'.split(',') }}{{ w.split() }}{{ 'a b c'.split(' ', 1) }}{{ 'a b  c '.split(none, 1) }}{{ 'a,b,c'.rsplit(',', 1) }}{{ 'a b c'.rsplit(maxsplit=1) }}{{ ''.split() }}{{ ''.split(',') }}{{ 'abc'.split('') if f }}{{ 'a</t>b</t>'.split('</t>')[-1] }}{{ 'a\nb\r\nc'.splitlines() }}{{ 'a\nb'.splitlines(true) }}
{{ 'a'.split('') }}
{{ 'a'.split(1) }}
{{ 'a'.split(foo=1) }}
{{ s.startswith('h') }}{{ s.startswith(('x', 'h')) }}{{ s.endswith('d') }}{{ s.startswith('é', 1) }}{{ s.endswith('') }}
{{ s.startswith(1) }}
{{ s.startswith() }}
{{ s.find('l') }}{{ s.rfind('l') }}{{ s.find('z') }}{{ s.index('w') }}{{ s.count('l') }}{{ s.count('') }}{{ s.find('l', 3) }}{{ s.find('l', 3, 3) }}{{ s.find('', 99) }}
{{ s.index('z') }}
{{ s.replace('l', 'L') }}{{ s.replace('l', '', 1) }}{{ 'abc'.replace('', '-') }}{{ s.replace('zz', 'y') }}{{ 'aaa'.replace('aa', 'b') }}
{{ s.replace('a') }}
{{ s.replace(1, 2) }}
{{ ', '.join(words) }}{{ '-'.join('abc') }}{{ ''.join([]) }}{{ ','.join(d) }}
{{ ','.join(l) }}
{{ ','.join(1) }}
{{ 'a-b-c'.partition('-') }}{{ 'a-b-c'.rpartition('-') }}{{ 'abc'.partition('-') }}{{ 'abc'.rpartition('-') }}{{ 'abc'.removeprefix('a') }}{{ 'abc'.removesuffix('c') }}
[{{ 'a'.center(4) }}][{{ 'ab'.center(5, '*') }}][{{ 'a'.ljust(3) }}][{{ 'a'.rjust(3, '.') }}][{{ '-5'.zfill(4) }}][{{ 'a\tb'.expandtabs(4) }}][{{ 'abc'.center(1) }}]
{{ 'a1'.isalnum() }}{{ 'a'.isalpha() }}{{ '1'.isdigit() }}{{ '²'.isdigit() }}{{ '²'.isdecimal() }}{{ '½'.isnumeric() }}{{ ' '.isspace() }}{{ 'A'.isupper() }}{{ 'a'.islower() }}{{ 'Aa B'.istitle() }}{{ ''.isalpha() }}{{ 'a_1'.isidentifier() }}{{ '1a'.isidentifier() }}{{ 'é'.isascii() }}{{ '\n'.isprintable() }}
{{ '{} {1}'.format(1) if f }}{{ '{} {}'.format(1, 'a') }}{{ '{1}{0}'.format('a', 'b') }}{{ '{a} {b[x]} {c.real}'.format(a=1, b={'x': 2}, c=3) }}{{ '{:>5}|{:<5}|{:^5}|{:*^7}|{:05d}|{:.2f}|{:+d}|{:,}|{:x}|{:#x}|{:e}|{:%}|{!r}|{:5.1f}|{:g}'.format('a', 'b', 'c', 'd', 42, 3.14159, 5, 1234567, 255, 255, 12345.678, 0.5, 'q', 2.25, 1e10) }}{{ '{{}}'.format() }}{{ '{:{}}|'.format('a', 4) }}
{{ '{} {}'.format(1) }}
{{ '{a}'.format(b=1) }}
{{ '{'.format(1) }}
{{ '}'.format(1) }}
{{ '{:d}'.format('a') }}
{{ '{0.__class__}'.format(1) }}
{{ '%s %d %5.2f %x %r %%|%-5s|%5s|%05d|%+d' % ('a', 3, 2.5, 255, 'q', 'l', 'r', 42, 7) }}{{ '%s' % 1 }}{{ '%(a)s %(b)d' % {'a': 1, 'b': 2} }}{{ '%s' % [1] }}{{ '%s' % none }}{{ '%e %g %g' % (12345.678, 0.00001, 1e20) }}{{ '%c%c' % ('a', 98) }}{{ '%i' % 3.9 }}{{ '%.3s' % 'abcdef' }}{{ '%*d' % (5, 3) }}
{{ '%s %s' % (1,) }}
{{ '%s' % (1, 2) }}
{{ '%d' % 'a' }}
{{ '%z' % 1 }}
{{ '%(a)s' % 1 }}
{{ '%' % 1 }}
{{ 'a' % 1 }}
{{ '%s-%s'|format('a', 1) }}{{ '%(x)s'|format(x=1) }}
{{ -5|abs }}{{ (-5)|abs }}{{ 2.5|round }}{{ 3.5|round }}{{ 2.675|round(2) }}{{ 1234|round(-2) }}{{ 2.1|round(0, 'ceil') }}{{ 2.19|round(1, 'floor') }}{{ 7|round }}{{ 42.55|round(1, 'common') }}
{{ 'a'|abs }}
{{ 2|round(1, 'up') }}
{{ '42'|int }}{{ '4x'|int }}{{ '4x'|int(5) }}{{ '42.9'|int }}{{ 3.9|int }}{{ none|int }}{{ 'ff'|int(0, 16) }}{{ '0x1f'|int(0, 16) }}{{ '1_000'|int }}{{ ' 7 '|int }}{{ '3.5'|float }}{{ 'x'|float }}{{ 'x'|float(1.5) }}{{ 3|float }}{{ true|int }}{{ 'inf'|float }}{{ '1e3'|float }}{{ '1e3'|int }}{{ l|int }}
{{ l|length }}{{ s|length }}{{ d|count }}{{ missing|length }}{{ '😀'|length }}
{{ 5|length }}
{{ none|length }}
{{ l|first }}{{ l|last }}{{ n|first }}{{ s|first }}{{ s|last }}{{ d|first }}{{ n|last }}
{{ n|first.x }}
{{ (n|first).x }}
{{ 5|first }}
{{ l|sort }}{{ words|sort }}{{ words|sort(case_sensitive=true) }}{{ l|sort(reverse=true) }}{{ users|sort(attribute='age')|map(attribute='name')|list }}{{ users|sort(attribute='age,name')|map(attribute='name')|list }}{{ users|sort(true, attribute='age')|map(attribute='name')|list }}
{{ [1, 'a']|sort }}
{{ 5|sort }}
{{ d|dictsort }}{{ {'b': 1, 'A': 2}|dictsort }}{{ {'b': 1, 'A': 2}|dictsort(true) }}{{ {'b': 1, 'A': 2}|dictsort(by='value', reverse=true) }}
{{ d|dictsort(by='x') }}
{{ l|dictsort }}
{{ [1, 1, 2, 'a', 'A']|unique|list }}{{ users|unique(attribute='age')|map(attribute='name')|list }}{{ ['a', 'A']|unique(true)|list }}
{{ l|min }}{{ l|max }}{{ words|max }}{{ words|min(true) }}{{ users|max(attribute='age') }}{{ n|min }}
{{ l|sum }}{{ users|sum(attribute='age') }}{{ [[1], [2]]|sum(start=[]) }}{{ n|sum }}{{ [0.1, 0.2]|sum }}
{{ ['a']|sum }}
{{ l|join }}{{ l|join(', ') }}{{ users|join(', ', attribute='name') }}{{ s|join('.') }}{{ [none, 1.5, missing]|join('|') }}{{ n|join(',') }}
{{ 5|join }}
{{ l|reverse|list }}{{ s|reverse }}{{ d|reverse|list }}{{ range(3)|reverse|list }}
{{ 5|reverse }}
{{ users|map(attribute='name')|list }}{{ users|map(attribute='on', default='?')|list }}{{ words|map('upper')|list }}{{ words|map('replace', 'a', 'b')|join }}{{ [[1, 2]]|map('first')|list }}{{ nested|map(attribute=0)|list }}{{ n|map('upper')|list }}{{ ['1']|map('int')|sum }}
{{ l|map|list }}
{{ l|map('nope')|list }}
{{ l|map(attribute='a', foo=1)|list }}
{{ l|select('odd')|list }}{{ l|reject('odd')|list }}{{ [0, 1, '']|select|list }}{{ [0, 1]|reject|list }}{{ l|select('gt', 1)|list }}{{ l|select('in', [1, 2])|list }}{{ users|selectattr('on')|map(attribute='name')|list }}{{ users|rejectattr('on')|map(attribute='name')|list }}{{ users|selectattr('age', 'equalto', 3)|map(attribute='name')|join(',') }}{{ users|selectattr('on', 'defined')|list|length }}{{ messages|selectattr('role', 'eq', 'user')|list|length }}{{ l|select('divisibleby', 3)|list }}
{{ l|select('nope')|list }}
{{ l|selectattr|list }}
{{ l|batch(2)|list }}{{ l|batch(2, 'x')|list }}{{ range(7)|slice(3)|list }}{{ range(7)|slice(3, 'x')|list }}
{{ users|groupby('age') }}{% for g in users|groupby('age') %}{{ g.grouper }}:{{ g.list|length }};{% endfor %}{% for k, v in users|groupby('on', default=none_) %}{% endfor %}
{% for k, v in users|groupby('age') %}{{ k }}{{ v|map(attribute='name')|join }}{% endfor %}
{{ missing|default('x') }}{{ ''|default('x') }}{{ ''|default('x', true) }}{{ none|d('x') }}{{ missing|d }}{{ d.zz|default(i) }}{{ f|default('y', boolean=true) }}
{{ s|upper }}{{ s|lower }}{{ s|title }}{{ 'hello wORLD-foo (bar'|title }}{{ s|capitalize }}{{ 5|upper }}{{ none|lower }}[{{ w|trim }}][{{ 'xax'|trim('x') }}][{{ 5|trim }}]
{{ s|replace('l', 'L') }}{{ s|replace('l', 'L', 1) }}{{ 112|replace(1, 3) }}
{{ s|replace('l') }}
{{ s|replace('l', 'L', count=1, x=2) }}
{{ 'a\nb\n\nc'|indent }}|{{ 'a\nb'|indent(2, true) }}|{{ 'a\n\nb'|indent(2, blank=true) }}|{{ 'a\nb'|indent('> ') }}|{{ 'a\n'|indent }}
{{ 5|indent }}
{{ 'foo bar baz qux'|truncate(9) }}|{{ 'foo bar baz qux'|truncate(9, true) }}|{{ 'foo bar baz qux'|truncate(11) }}|{{ 'foo bar baz qux'|truncate(9, false, '..', 0) }}
[{{ 'a'|center(5) }}]{{ 'a b  c_d é'|wordcount }}
{{ 'the quick brown fox jumps-over the lazydog'|wordwrap(10) }}|{{ 'abcdefghij'|wordwrap(4) }}|{{ 'abcdefghij kl'|wordwrap(4, false) }}|{{ 'a b\n\nc'|wordwrap(3) }}|{{ 'a b c'|wordwrap(3, wrapstring='/') }}
{{ l|list }}{{ s|list }}{{ d|list }}{{ d|items|list }}{{ missing|items|list }}{{ missing|list }}{{ 5|string }}{{ none|string }}{{ l|string }}
{{ l|items|list }}
{{ 1000|filesizeformat }}{{ 1|filesizeformat }}{{ 999|filesizeformat }}{{ 123456789|filesizeformat }}{{ 123456789|filesizeformat(true) }}{{ '1e30'|filesizeformat }}
{{ '<a href="x">&\'</a>'|escape }}{{ '<'|e }}{{ '<b>x</b>'|safe }}{{ ('<b>'|safe) + '<i>' }}{{ '<i>' + ('<b>'|safe) }}{{ ('<b>'|safe) ~ '<i>' }}{{ ('<b>'|safe)|e }}{{ ('<b>'|safe)|forceescape }}{{ ['<'|safe] }}{{ ('a<'|safe).upper() }}{{ ('a<'|safe) is escaped }}{{ ('a'|safe) == 'a' }}{{ ('%s'|safe) % '<' }}{{ ('{}'|safe).format('<') }}{{ (','|safe).join(['<']) }}{{ (d|tojson|safe) + '"' }}
{{ '<p>a <b>b</b>\n c&amp;d</p><!-- x -->'|striptags }}{{ 'a b/ü?'|urlencode }}{{ {'a b': 'c/d'}|urlencode }}{{ [('a', 1)]|urlencode }}<x{{ {'a': 1, 'b': none, 'c': '<'}|xmlattr }}>
{{ d|pprint }}{{ users|pprint }}{{ messages|pprint }}
{{ d|attr('b') }}{{ d|attr('items') is callable }}
{{ s|nope }}
{% if f %}{{ s|nope }}{% endif %}ok
{% if t %}{{ s|nope }}{% endif %}ok
{{ s|nope if f else 'ok' }}
{{ s is nope }}
{% if t and s is nope %}x{% endif %}
{{ i is odd }}{{ i is even }}{{ i is divisibleby 7 }}{{ i is divisibleby(3) }}{{ missing is defined }}{{ missing is not defined }}{{ s is undefined }}{{ none_ is none }}{{ t is boolean }}{{ t is true }}{{ f is false }}{{ i is integer }}{{ t is integer }}{{ x is float }}{{ i is number }}{{ t is number }}{{ s is string }}{{ d is mapping }}{{ l is sequence }}{{ s is sequence }}{{ d is sequence }}{{ i is sequence }}{{ l is iterable }}{{ i is iterable }}{{ none_ is iterable }}{{ missing is iterable }}{{ missing is sequence }}{{ s is lower }}{{ 'A' is upper }}{{ range is callable }}{{ s is callable }}{{ none_ is sameas none }}{{ i is sameas 7 }}{{ 1 is in l }}{{ i is eq 7 }}{{ i is ne 7 }}{{ i is gt 3 }}{{ i is ge 7 }}{{ i is lt 3 }}{{ i is le 7 }}{{ i is equalto 7 }}{{ i is greaterthan 3 }}{{ i is lessthan 3 }}{{ 'upper' is filter }}{{ 'x' is filter }}{{ 'odd' is test }}{{ range(3) is sequence }}{{ (l|map('upper')) is iterable }}{{ (l|map('upper')) is sequence }}
{{ s is odd }}
{{ missing is odd }}
{{ i is gt }}
{{ not i is odd }}{{ i is not odd }}{{ i is odd and t }}{{ (i is odd) == true }}{{ 'a' if i is defined else 'b' }}{{ i is defined or f }}{{ l|length is gt 2 }}
{{ 'a\tb\n\\ \' \" \x41 \u00e9 \U0001F600 \101 \q \é' }}{{ "a
b" }}
{{ '\x4' }}
{{ '\u12' }}
{{ 'a
{{ a b }}
{{ a. }}
{{ a.1.b }}
{{ [1, 2 }}
{{ (1, 2] }}
{{ {1: 2 }}
{{ 1 ] }}
{{ }}
{{ }
{{
{%
{% if %}{% endif %}
{% if t %}
{% if t %}{% else %}
{% if t %}{% endfor %}
{% for a in l %}{% endif %}
{% for in l %}{% endfor %}
{% for a l %}{% endfor %}
{% endif %}
{% nope %}
{% for a in l %}{% nope %}{% endfor %}
{% set %}
{% set 1 = 2 %}
{% set true = 2 %}
{% set a.b.c = 2 %}
{% set a[0] = 2 %}
{% set [a] = 2 %}
{% for a.b in l %}{% endfor %}
{% macro %}{% endmacro %}
{% macro m(a=1, b) %}{% endmacro %}
{% macro m(1) %}{% endmacro %}
{% call 1 %}{% endcall %}
{% for loop in l %}{% endfor %}
{% for a in l %}{% set loop = 1 %}{% endfor %}
{% block a %}{% endblock %}{% block a %}{% endblock %}
{% block a-b %}{% endblock %}
{% raw %}a
{# a
{{ f(a=1, 2) }}
{{ f(*l, *l) }}
{{ f(**d, a=1) }}
{{ 1 is odd is even }}
{{ a | }}
{{ | a }}
{{ a if }}
{{ 5 ! 3 }}
{{ $ }}
{{ a && b }}
{{ @ }}
{% filter %}{% endfilter %}
{% with a %}{% endwith %}
{% with a = 1, b = 2 %}{{ a }}{% endwith
{{ 'a' + }}
{{ not }}
{{ 1 in }}
{{ a is }}
{{ a is not }}
{{ 3a }}{{ 08 }}
{{ 1.e5 }}
{{ 1..real }}
{{ ré }}{{ 變 is undefined }}
{{ (1, 2, 3) }}{{ (1,) }}{{ () }}{{ 1, 2 }}{{ [] }}{{ {} }}{{ [1, ] }}{{ {1: 2, } }}{{ dict(a=1, ) }}
{% set f2 = s.upper %}{{ f2() }}{{ range(*[1, 3])|list }}{{ dict(**{'a': 1}) }}{{ '{}{}'.format(*l[:2]) }}
{% for k, v in {'a': 1}.items() %}{{ loop.index }}{{ k }}{{ v }}{% endfor %}{% for k, v in [('a', 1)] %}{{ k }}{% endfor %}
{{ {'a': 1, 'a': 2} }}{{ {1: 'a', true: 'b', 1.0: 'c'} }}
{{ {[1]: 2} }}
{{ l is sameas l }}{{ '' is none }}{{ 0 is false }}{{ [] == [] }}{{ {'a': [1, {'b': none}]} == {'a': [1, {'b': none}]} }}
{% for tool in tools %}{{ tool.function.name }}({% for n2, p in tool.function.parameters.properties.items() %}{{ n2 }}: {{ p.type if p.type is string else p.type|join(' | ') }}{{ ", " if not loop.last }}{% endfor %}){% endfor %}
{% for m in messages %}{% if m.content is string %}{{ m.content|trim }}{% else %}{% for c in m.content %}{% if c.type == 'text' %}{{ c.text }}{% elif c['type'] == 'image' %}<img>{% endif %}{% endfor %}{% endif %}{% if m.tool_calls is defined %}{% for c in m.tool_calls %}{{ c.function|tojson }}{% endfor %}{% endif %}|{% endfor %}
{% if messages[0].role == 'system' %}{% set loop_messages = messages[1:] %}{% set sys = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% endif %}{{ sys }}{% for m in loop_messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% endfor %}{{ loop_messages|length }}
{%- set ns = namespace(multi=true, last=messages|length - 1) %}{%- for m in messages[::-1] %}{%- set index = (messages|length - 1) - loop.index0 %}{%- if ns.multi and m.role == "user" and m.content is string and not(m.content.startswith('<tool>') and m.content.endswith('</tool>')) %}{%- set ns.multi = false %}{%- set ns.last = index %}{%- endif %}{%- endfor %}{{ ns.last }}
{{ messages|map(attribute='role')|unique|sort|join(',') }}{{ (messages|selectattr('role', 'equalto', 'user')|list)[0].content|length }}{{ messages|last is mapping }}
"""

# Templates of several lines: white space and line ends.
BLOCKS = [
    "a\n  {% if t %}\n  b\n  {% endif %}\nc\n", "a\n  {%+ if t %}\n  b\n  {%+ endif +%}\nc\n", "a  {%- if t -%}  \n b \n {%- endif -%}  c",
    "  {{ i }}  \n{{ i }}\n\n", "{% for a in l %}\n{{ a }}\n{% endfor %}\n", "{% for a in l -%}\n  {{ a }}\n{%- endfor %}\n", "x {# c #}\n y\n",
    "  {# c #}\n  y\n", "  {#- c -#}\n  y\n", "\n\n{% set a = 1 %}\n\n{{ a }}\n", "{{ i -}}  \n x {{- i }}", "a\r\nb\rc\n\n", "a\r\n  {% if t %}\r\nb{% endif %}",
    "\t{% if t %}\tx{% endif %}", "é  {%- raw %}\n {{ x }}\n{% endraw +%}\n z", "{% raw -%}\n {{ x }} \n {%- endraw %}\n z", "{% if t %}\n\n{{ missing.a }}\n{% endif %}",
    "a\n\n{{ 1 +\n 'x' }}", "\n\n{% nope %}", "{#\n\n#}{% nope %}", "a\n{%- if t %}\n{{ x y }}", "{{ 'a\nb' }}{% nope %}", "{% raw %}\n\n{% endraw %}{% nope %}",
    "{% set x %}\n  a\n{% endset %}[{{ x }}]", "{% macro m() %}\n  a\n{% endmacro %}\n[{{ m() }}]", "{%- for m in messages %}\n    {%- if loop.first %}\n        {{- m.role }}\n    {%- endif %}\n{%- endfor %}\n",
    "{% generation %}\n a\n{% endgeneration %}\nb", " {%- generation -%} \n a {%- endgeneration -%} \n b", "{{ 1 }}\n", "{{ 1 }}\n\n", "\n", "", "{{ '{{' }}{{ '}}' }}{{ '%}' }}", "{{ {'a': {'b': 1}}}}", "{{ {'a': 1}['a'] }}%}",
    "{% if t %}a{%endif%}{%if t%}b{%endif%}", "\u00a0{%- if t %}x{% endif %}", "a \u2003\n{%- if t %}x{% endif -%}\u3000 b",
]


class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2024, 7, 26, 9, 5, 7, 123456)


def render(source, variables):
    """What a template gives: its text and where generation blocks lie, or its error."""
    try:
        template = chat_template_utils._cached_compile_jinja_template(source)
    except Exception as error:
        message = getattr(error, "message", None) or str(error).split(" (<template>")[0]
        return {"error": [type(error).__name__, message, getattr(error, "lineno", None)]}
    blocks, generated = [], []
    try:
        with template.environment.activate_tracker(blocks, generated):
            for block in template.generate(**variables):
                blocks.append(block)
    except Exception as error:
        return {"error": [type(error).__name__, str(error), None]}
    return {"text": "".join(blocks), "generated": generated}


def main():
    chat_template_utils.datetime = Clock
    lines = [line for line in TEMPLATES.split("\n") if line]
    cases = [{"template": source, **render(source, VARIABLES)} for source in lines + BLOCKS]
    for case in cases:
        if not case.get("generated"):
            case.pop("generated", None)
    text = ",\n".join(json.dumps(case, ensure_ascii=True) for case in cases)
    path = ROOT / "Tests" / "Goldens" / "templates.json"
    path.write_text(f'{{"variables": {json.dumps(VARIABLES)},\n"cases": [\n{text}\n]}}\n')
    print(len(cases), "cases", file=sys.stderr)


if __name__ == "__main__":
    main()
