"""What writers share: how numbers are put, how large a photo is, and whose annotations would share one file."""

from collections import Counter
from pathlib import Path, PurePosixPath

from cvapp.data.boxed import BoxedListing, BoxedPhoto
from cvapp.data.formats.looking import look
from cvapp.data.formats.reading import DECIMALS
from cvapp.data.listing import PARTS
from cvapp.errors import CvappError, Exit


def number(value: float) -> float:
    """A coordinate to a millionth of a pixel; whole ones are whole."""
    near = round(float(value), DECIMALS)
    return int(near) if near == int(near) else near


def size_of(listing: BoxedListing, photo: BoxedPhoto) -> tuple[int, int]:
    """The (height, width) of a photo, from its file where the listing does not say it."""
    return photo.size or look(listing.folder / photo.name).size


def check_names(listing: BoxedListing) -> None:
    """Refuse (exit 3), before anything is written, photos of one name, or whose names lead out of the folder that is written to the photos' own."""
    if twice := [name for name, count in Counter(photo.name for photo in listing.photos).items() if count > 1]:
        raise CvappError(f"{twice[0]}: two photos have this name; give each its own", Exit.BAD_DATA)
    for photo in listing.photos:
        pieces = PurePosixPath(photo.name)
        if pieces.is_absolute() or ".." in pieces.parts or Path(photo.name).is_absolute():
            raise CvappError(f"{photo.name}: lies outside {listing.folder}; give a photo to write a name below it, without '..'", Exit.BAD_DATA)


def stems(listing: BoxedListing) -> dict[str, str]:
    """The name of each photo's annotation, without suffix, by the photo's name.

    Raises:
        CvappError: two photos differ in their suffix alone, so that their annotations would be one file (exit 3).
    """
    found: dict[str, str] = {}
    for photo in listing.photos:
        stem = PurePosixPath(photo.name).with_suffix("").as_posix()
        if stem in found:
            raise CvappError(f"{found[stem]} and {photo.name} would share one annotation; rename one of them", Exit.BAD_DATA)
        found[stem] = photo.name
    return {name: stem for stem, name in found.items()}


def parted(listing: BoxedListing) -> dict[str, list[BoxedPhoto]]:
    """The photos of each part that has any."""
    parts = {part: [photo for photo in listing.photos if photo.part == part] for part in PARTS}
    return {part: photos for part, photos in parts.items() if photos}
