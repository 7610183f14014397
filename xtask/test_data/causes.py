"""Body of an upgrade that tries the cases of `causes.yaml`, which stand in CASES, each in a savepoint."""
import json
bind, wrong = op.get_bind(), []
def run(what):
    if what.startswith('py:'):
        exec(what[3:], {'bind': bind, 'op': op, 'sa': sa})
        return
    for sql in filter(None, what.split(';\n')):
        bind.exec_driver_sql(sql)
def raised(what):
    try:
        with bind.begin_nested():
            run(what)
    except Exception as error:
        names = [type(error).__name__, type(getattr(error, 'orig', None)).__name__]
        return [getattr(getattr(error, 'orig', None), 'pgcode', None), *names, str(error)]
    return []
for case in json.loads(CASES):
    expected, bad, good = case['raises'], case['bad'], case['good']
    outer = bind.begin_nested()
    run(case.get('before', ''))
    first = raised(bad)
    if expected not in first:
        wrong.append(f'{expected}: {bad}: {first}')
    second = raised(good)
    if second:
        wrong.append(f'{expected}: the remedy {good}: {second}')
    outer.rollback()
if wrong:
    raise RuntimeError('\n'.join(wrong))
