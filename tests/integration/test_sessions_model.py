"""1,000 random sequences of what can be done with sessions, checked against a model of what they are."""

import copy
import random

import pytest
from sessions_client import Driver

SEQUENCES, STEPS = 1000, 10
BEGIN = "import os, random\nx = []\nh = open('/tmp/h', 'w+')"
SHOW = "at = h.tell(); _ = h.seek(0)\nprint([x, {n: open(n).read() for n in sorted(os.listdir('.'))}, h.read(), at])"


class Model:
    """What a session should be: its variable, its files, the file that it has open, its turns, its checkpoints, whose
    fork it is."""

    def __init__(self, recover):
        self.x, self.files, self.open, self.turns, self.kept = [], {}, "", 1, {}
        self.recover, self.parent = recover, None

    def state(self):
        return copy.deepcopy((self.x, self.files, self.open, self.turns))

    def set_state(self, state):
        self.x, self.files, self.open, self.turns = copy.deepcopy(state)

    def fork(self, parent):
        made = Model(self.recover)
        made.set_state(self.state())
        made.parent = parent
        return made


def execute(driver, session, model, chance):
    number, what = chance.randrange(1000), chance.random()
    model.turns += 1
    if what < 0.4:
        driver.run(session, f"x.append({number})")
        model.x.append(number)
    elif what < 0.6:
        driver.run(session, f"_ = h.write('{number},'); h.flush()")
        model.open += f"{number},"
    else:
        driver.run(session, f"open('f{number % 3}', 'a').write('{number},')")
        name = f"f{number % 3}"
        model.files[name] = model.files.get(name, "") + f"{number},"


def be_killed(driver, session, model, chance):
    """A turn that ends its process: only a session that recovers is asked to."""
    if not model.recover:
        return
    outcome = driver.turn(id=session, code="x.append('lost'); open('lost', 'w').close(); h.write('lost'); h.flush(); os._exit(1)")
    assert outcome["session_lives"] and outcome["session_rolled_back"]


def put(driver, session, model, chance):
    driver.put(id=session, path="put", text=str(chance.randrange(1000)))
    model.files["put"] = driver.get(id=session, path="put")


def rename_or_remove(driver, session, model, chance):
    if not model.files:
        return
    name = chance.choice(sorted(model.files))
    if chance.random() < 0.5:
        driver.remove(id=session, path=name)
        del model.files[name]
    else:
        driver.rename(id=session, path=name, to="renamed")
        model.files["renamed"] = model.files.pop(name)


def keep(driver, session, model, chance):
    name = chance.choice("ab")
    driver.keep(id=session, checkpoint=name)
    model.kept[name] = model.state()


def go_back(driver, session, model, chance):
    if model.kept:
        name = chance.choice(sorted(model.kept))
        driver.go_back(id=session, checkpoint=name)
        model.set_state(model.kept[name])


def drop(driver, session, model, chance):
    if model.kept:
        name = chance.choice(sorted(model.kept))
        driver.drop(id=session, checkpoint=name)
        del model.kept[name]


def check(driver, session, model, chance):
    told = driver.inspect(id=session)
    assert (told["turns"], told["parent"], {c["name"]: c["turns"] for c in told["checkpoints"]}) == \
        (model.turns, model.parent, {name: state[3] for name, state in model.kept.items()})
    assert eval(driver.run(session, SHOW)) == [model.x, model.files, model.open, len(model.open)]
    model.turns += 1


def draw(driver, session, model, seen):
    """Nothing random is ever drawn twice, in whichever copy, and however often it went back."""
    drawn = driver.run(session, "print(random.random(), random.getrandbits(64), os.urandom(8).hex())").split()
    model.turns += 1
    assert not seen & set(drawn)
    seen.update(drawn)


STEP_KINDS = [execute] * 5 + [be_killed, put, rename_or_remove, keep, go_back, drop, check]


@pytest.fixture(scope="module")
def driver(polyagent, installed_languages):
    driver = Driver(polyagent, installed_languages)
    yield driver
    assert driver.close() == 0


@pytest.mark.parametrize("part", range(10))
def test_sessions_are_what_the_model_says(driver, part):
    for number in range(part * SEQUENCES // 10, (part + 1) * SEQUENCES // 10):
        chance = random.Random(number)
        recover = chance.random() < 0.3
        first = driver.create(recover=recover)
        driver.run(first, BEGIN)
        living, drawn = {first: Model(recover)}, set()
        for _ in range(STEPS):
            session = chance.choice(sorted(living))
            model = living[session]
            what = chance.random()
            if what < 0.2 and len(living) < 8:
                for fork in driver.fork(id=session, count=chance.randint(1, 3)):
                    living[fork] = model.fork(session)
            elif what < 0.25 and len(living) > 1:
                driver.end(id=session)
                del living[session]
            elif what < 0.35:
                draw(driver, session, model, drawn)
            else:
                chance.choice(STEP_KINDS)(driver, session, model, chance)
        for session, model in living.items():
            check(driver, session, model, chance)
            driver.end(id=session)
    stats = driver.stats()
    assert (stats["alive"], stats["checkpoints"], stats["lost"]) == (0, 0, 0)
