"""The page in a real browser: what the owner clicks and types ends up in the result's pixels."""

import base64
import contextlib
import shutil

import av
import cv2
import numpy as np
import pytest
from make_clips import read_back, write_clip
from odd_clips import number_in, write_numbered
from reviews import (
    HEIGHT,
    LEFT,
    PLATE,
    RIGHT,
    WIDTH,
    WINDOW,
    contrast,
    make_plan,
    picture,
    reviewed,
)

import redact
from redact import Plan, Settings

webdriver = pytest.importorskip("selenium.webdriver")
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
SECONDS = 60


@pytest.fixture(scope="module", params=["chromium", "firefox"])
def browser(request):
    is_firefox = request.param == "firefox"
    names, driver_name = (("firefox",), "geckodriver") if is_firefox else (CHROMIUM, "chromedriver")
    program = next(filter(None, map(shutil.which, names)), None)
    driver = shutil.which(driver_name)
    if program is None or driver is None:
        pytest.skip(f"needs {request.param} and {driver_name}")
    browser = (_firefox if is_firefox else _chromium)(program, driver)
    yield browser
    browser.quit()


def _firefox(program, driver):
    options = webdriver.FirefoxOptions()
    options.binary_location = program
    options.add_argument("-headless")
    return webdriver.Firefox(options, webdriver.FirefoxService(executable_path=driver))


def _chromium(program, driver):
    options = webdriver.ChromeOptions()
    options.binary_location = program
    # A container has no sandbox for root, and little shared memory.
    for argument in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "disable-gpu"):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options, webdriver.ChromeService(executable_path=driver))


def complaints(browser):
    """What the browser's security policy blocked, and errors of the script; Firefox tells none."""
    if browser.name == "firefox":
        return []
    return [entry["message"] for entry in browser.get_log("browser")]


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    return make_plan(tmp_path_factory.mktemp("clip") / "door.mp4")


@pytest.fixture
def page(browser, plan, tmp_path):
    with reviewed(tmp_path, plan) as (session, server):
        page = Page(browser, session, server.address)
        yield page
        assert complaints(browser) == []
        leave(browser)


class Page:
    """The open page, as a person uses it."""

    def __init__(self, browser, session, address, size=(1280, 900)):
        self.browser, self.session = browser, session
        browser.set_window_size(*size)
        browser.get(address)
        self.wait(lambda: browser.execute_script("return document.documentElement.dataset.ready"))

    def wait(self, condition):
        WebDriverWait(self.browser, SECONDS, poll_frequency=0.05).until(lambda _: condition())

    def find(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def press(self, *keys):
        ActionChains(self.browser).send_keys(*keys).perform()

    def press_with(self, modifier, key):
        ActionChains(self.browser).key_down(modifier).send_keys(key).key_up(modifier).perform()

    def drag(self, box):
        """Drag from one corner of a box, in pixels of the clip, to the other."""
        picture = self.find("#picture")
        scale = picture.size["width"] / WIDTH
        x0, y0, x1, y1 = (
            (v - s / 2) * scale for v, s in zip(box, (WIDTH, HEIGHT) * 2, strict=True)
        )
        actions = ActionChains(self.browser)
        actions.move_to_element_with_offset(picture, round(x0), round(y0)).click_and_hold()
        actions.move_by_offset(round(x1 - x0), round(y1 - y0)).release().perform()

    def render(self):
        self.find("#render").click()
        self.wait(lambda: self.find("#job-finish").is_displayed())


def test_what_the_owner_decides_is_in_the_result(page, tmp_path):
    """A person is kept by key, a false plate dropped by click, a window covered by a zone."""
    page.press(Keys.ARROW_DOWN, "k")
    page.wait(lambda: page.session.plan.kept == {1})
    page.find("#plates [data-status=drop]").click()
    page.wait(lambda: page.session.plan.dropped == {3})
    page.find("#draw-zone").click()
    page.drag((2, 2, WINDOW.x1, WINDOW.y1))
    page.find("[name=name]").send_keys("window")
    page.find("#drawn-ok").click()
    page.wait(lambda: [zone.name for zone in page.session.plan.zones] == ["window"])
    page.render()
    _, images = read_back(tmp_path / "out.mp4")
    _, originals = read_back(page.session.plan.clip.path)
    for image, original in zip(images, originals, strict=True):
        for place in (LEFT, PLATE):
            assert contrast(image, place) > 0.8 * contrast(original, place)
        for place in (RIGHT, WINDOW):
            assert contrast(image, place) < 0.4 * contrast(original, place)


def test_everything_can_be_done_by_keyboard_alone(page, tmp_path):
    page.press(Keys.ARROW_DOWN, Keys.ARROW_DOWN, "n")
    page.wait(lambda: page.session.plan.dropped == {2})
    page.press("c")
    page.wait(lambda: page.session.plan.dropped == frozenset())
    page.press_with(Keys.CONTROL, "z")
    page.wait(lambda: page.session.plan.dropped == {2})
    # A zone appears in the middle of the picture, is moved, resized and accepted.
    page.press("z", Keys.ARROW_LEFT, Keys.ARROW_UP)
    page.press_with(Keys.SHIFT, Keys.ARROW_RIGHT)
    page.press(Keys.ENTER)
    page.wait(lambda: page.find("#drawn").is_displayed())
    page.press(Keys.ENTER)
    page.wait(lambda: page.session.plan.zones)
    x0, y0 = page.session.plan.zones[0].polygon[0]
    x1, y1 = page.session.plan.zones[0].polygon[2]
    assert (x0, y0, x1, y1) == pytest.approx((0.39, 0.39, 0.60, 0.59))
    page.press_with(Keys.CONTROL, "s")
    page.wait(lambda: (tmp_path / "door.plan.json").is_file())
    page.wait(lambda: not page.session.has_unsaved_decisions)
    assert Plan.load(tmp_path / "door.plan.json").dropped == {2}


def test_two_cards_are_joined_kept_as_one_and_split_again(page, tmp_path):
    """By click, and by key; undo takes each back, and the plan that is saved holds it."""

    def cards():
        return page.browser.find_elements(By.CSS_SELECTOR, "#people .card")

    first, second = page.browser.find_elements(By.CSS_SELECTOR, "#people .join")
    second.click()
    assert first.text == "Same as Person 2" and second.text == "Cancel"
    first.click()
    page.wait(lambda: len(cards()) == 1)
    assert page.session.plan.same_persons(1) == {1, 2}
    page.wait(lambda: "Track 2 was joined by hand." in page.find("#people .card").text)
    page.press("k")
    page.wait(lambda: page.session.plan.kept == {1, 2})
    page.find("#save").click()
    page.wait(lambda: not page.session.has_unsaved_decisions)
    assert Plan.load(tmp_path / "door.plan.json").same_persons(2) == {1, 2}
    page.find("#people .joined button").click()
    page.wait(lambda: len(cards()) == 2)
    assert page.session.plan.kept == {1}
    page.press_with(Keys.CONTROL, "z")
    page.wait(lambda: len(cards()) == 1)
    assert page.session.plan.kept == {1, 2}
    page.press(Keys.ARROW_DOWN, "s")
    page.wait(lambda: len(cards()) == 2)
    page.press(Keys.ARROW_UP, "j", Keys.ESCAPE, "j", Keys.ARROW_DOWN, "j")
    page.wait(lambda: len(cards()) == 1)
    assert not page.find("#people .join").is_displayed()


def test_sound_is_left_out_until_the_owner_keeps_it(browser, tmp_path):
    """At the times that were typed the result has sound, and elsewhere silence."""
    write_clip(tmp_path / "loud.mp4", with_audio=True)
    plan = redact.analyze(tmp_path / "loud.mp4", Settings(audit=False), detectors=[Nothing()])
    with reviewed(tmp_path, plan) as (session, server):
        page = Page(browser, session, server.address)
        assert page.find("[name=audio][value=drop]").is_selected()
        # The clip has sound, and the result has none.
        page.press("m")
        heard = "return document.documentElement.dataset.sound"
        page.find("#speed").send_keys("¼")
        for key, state in (("", "heard"), ("v", "muted")):
            page.press(key)
            page.find("#play").click()
            page.wait(lambda state=state: browser.execute_script(heard) == state)
            page.find("#play").click()
            page.wait(lambda: browser.execute_script(heard) == "off")
        page.press("v")
        page.find("[name=audio][value=spans]").click()
        page.find("[name=spans]").send_keys("0:00.4-0:00.6", Keys.ENTER)
        page.wait(lambda: session.plan.settings.audio_spans == ((0.4, 0.6),))
        page.render()
        page.press_with(Keys.CONTROL, "z")
        page.wait(lambda: page.find("[name=audio][value=drop]").is_selected())
        assert complaints(browser) == []
        leave(browser)
    with av.open(str(tmp_path / "out.mp4")) as container:
        frames = list(container.decode(container.streams.audio[0]))
    loud = [float(f.time) for f in frames if np.abs(f.to_ndarray()).max() > 0.01]
    assert loud and 0.3 < min(loud) < 0.5 and 0.5 < max(loud) < 0.65


def test_an_image_has_nothing_to_play(browser, tmp_path):
    assert cv2.imwrite(str(tmp_path / "door.png"), picture())
    plan = redact.analyze(tmp_path / "door.png", Settings(audit=False))
    with reviewed(tmp_path, plan) as (_, server):
        page = Page(browser, server, server.address)
        assert canvas_of(browser).shape == (HEIGHT, WIDTH, 3)
        assert not page.find("#play").is_displayed() and page.find("#preview").is_displayed()
        assert complaints(browser) == []
        leave(browser)


def test_a_box_that_is_drawn_is_followed_and_covered(page):
    page.press("b")
    page.drag((*LEFT[:2], *LEFT[2:]))
    page.wait(lambda: page.find("#drawn").is_displayed())
    page.find("#drawn-ok").click()
    page.wait(lambda: page.session.plan.covered_by_hand == {4})
    page.wait(lambda: len(page.browser.find_elements(By.CSS_SELECTOR, "#people .card")) == 3)
    assert not page.find("#drawn").is_displayed()


def test_what_the_server_refuses_is_said_on_the_page(page):
    page.session._plan_path = page.session._plan_path / "none" / "plan.json"
    page.find("#save").click()
    page.wait(lambda: page.find("#error").is_displayed())
    assert "folder" in page.find("#error").text
    # The browser logs every answer that is an error.
    complaints(page.browser)


@pytest.mark.parametrize("width", [360, 800, 1600])
def test_the_page_fits_any_width(page, width):
    with window_width(page.browser, width):
        page.find("#draw-zone").click()
        page.press(Keys.ENTER)
        sizes = page.browser.execute_script(
            "return [document.documentElement.scrollWidth, window.innerWidth]"
        )
    assert sizes[0] <= sizes[1] == width


def test_everything_has_a_name_for_those_who_cannot_see_it(page):
    page.find("[data-status=keep]").click()
    page.wait(lambda: page.session.plan.kept)
    for element in page.browser.find_elements(By.CSS_SELECTOR, "button, input, select, a, img"):
        if element.is_displayed():
            assert element.accessible_name, element.get_attribute("outerHTML")
    assert "Person 1" in page.find("#frame").get_attribute("aria-label")


def test_the_frame_under_a_box_is_the_one_that_was_asked_for(browser, tmp_path):
    """Shown frames are told apart by the number drawn in each, in a format that browsers lack."""
    write_numbered(tmp_path / "old.avi", frames=30, codec="mpeg4", gop=10)
    plan = redact.analyze(tmp_path / "old.avi", Settings(audit=False), detectors=[Nothing()])
    with reviewed(tmp_path, plan) as (session, server):
        page = Page(browser, session, server.address)
        shown = "return document.getElementById('frame').dataset.index"
        for index in (17, 3, 29, 28, 0):
            browser.execute_script(
                "const seek = document.getElementById('seek'); seek.value = arguments[0];"
                "seek.dispatchEvent(new Event('input'))",
                index,
            )
            page.wait(lambda index=index: browser.execute_script(shown) == str(index))
            assert number_in(canvas_of(browser)) == index
        page.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
        page.wait(lambda: browser.execute_script(shown) == "2")
        assert number_in(canvas_of(browser)) == 2
        leave(browser)


@contextlib.contextmanager
def window_width(browser, width):
    """A window, or the screen of a phone, of so many CSS pixels."""
    if browser.name == "firefox":
        browser.set_window_size(width, 800)
        if browser.execute_script("return window.innerWidth") > width:
            pytest.skip("this Firefox has no window as narrow as a phone")
        yield
        return
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    yield
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def leave(browser):
    """Leave the page, also one with unsaved decisions, which asks whether one wants to."""
    browser.get("about:blank")
    WebDriverWait(browser, SECONDS).until(lambda _: browser.current_url == "about:blank")


class Nothing:
    """Detects nothing."""

    kinds = ("face",)

    def detect(self, image):
        return []


def canvas_of(browser):
    url = browser.execute_script("return document.getElementById('frame').toDataURL('image/png')")
    data = np.frombuffer(base64.b64decode(url.partition(",")[2]), np.uint8)
    return cv2.imdecode(data, cv2.IMREAD_COLOR)
