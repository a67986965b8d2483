// Where pictures come from: the camera, and photos.
const LEAST = 8; // pixels of a photo's side, as cvapp/headers.py asks for
const ROWS = 1024; // that are read from a photo at once: a canvas of a whole one may be larger than a phone allows

function drawable() {
  const canvas = document.createElement('canvas');
  return [canvas, canvas.getContext('2d', {willReadFrequently: true})];
}

const grabbed = [drawable(), drawable()];

// The video's frame of now, on one of two canvases in turn: that before it stays as it is while this one is answered.
export function grab(video) {
  const {videoWidth: width, videoHeight: height} = video;
  grabbed.reverse();
  const [[frame, context]] = grabbed;
  if (frame.width !== width || frame.height !== height) Object.assign(frame, {width, height});
  context.drawImage(video, 0, 0);
  return frame;
}

// A part [top, left, height, width] of what `grab` or `decode` gave, RGBA. What is transparent lies on white.
export function pixels(source, [top, left, height, width]) {
  const [, known] = grabbed.find(([frame]) => frame === source) ?? [];
  if (known) return known.getImageData(left, top, width, height).data;
  const [band, context] = drawable();
  const data = new Uint8ClampedArray(4 * height * width);
  Object.assign(band, {width, height: Math.min(ROWS, height)});
  context.fillStyle = '#fff';
  for (let row = 0; row < height; row += ROWS) {
    const rows = Math.min(ROWS, height - row);
    context.fillRect(0, 0, width, rows);
    context.drawImage(source, left, top + row, width, rows, 0, 0, width, rows);
    data.set(context.getImageData(0, 0, width, rows).data, 4 * row * width);
  }
  return data;
}

// A photo, upright by its EXIF orientation (which browsers obey by themselves), its numbers as they stand in the file.
export async function decode(file) {
  const picture = await createImageBitmap(file, {colorSpaceConversion: 'none'}).catch(() => {
    throw new Error(`${file.name}: this browser cannot read it as a picture; choose a JPEG or PNG`);
  });
  const {width, height} = picture;
  if (Math.min(width, height) < LEAST) throw new Error(`${file.name}: ${width}x${height} pixels; a photo has sides of at least ${LEAST}`);
  return picture;
}

const REASONS = {
  NotAllowedError: 'The camera was refused.\nAllow it in the settings that the browser keeps for this page (beside the address), then try again. Photos work without it.',
  NotFoundError: 'There is no camera here.\nChoose a photo instead.',
  OverconstrainedError: 'There is no such camera here.\nChoose a photo instead.',
  NotReadableError: 'The camera is in use by something else.\nClose that, then try again.',
  AbortError: 'The camera stopped.\nTry again.',
};

// The camera that looks away from ('environment') or at ('user') who holds the phone, in a video element; given back where it is no longer wanted.
export async function startCamera(video, facing, wanted) {
  if (!navigator.mediaDevices) throw new Error('Browsers give the camera to secure addresses only: open this page by https:// or on localhost.');
  try {
    const asked = {facingMode: {ideal: facing}, width: {ideal: 640}, height: {ideal: 480}};
    const stream = await navigator.mediaDevices.getUserMedia({video: asked, audio: false});
    const [track] = stream.getVideoTracks();
    if (wanted()) {
      video.srcObject = stream;
      await video.play();
    } else {
      track.stop();
    }
    return {facing: track.getSettings().facingMode ?? facing, ended: new Promise((resolve) => { track.onended = resolve; })};
  } catch (error) {
    throw new Error(REASONS[error.name] ?? `The camera cannot be used (${error.message || error.name}).\nTry again, or choose a photo.`);
  }
}

export function stopCamera(video) {
  for (const track of video.srcObject?.getTracks() ?? []) track.stop();
  video.srcObject = null;
}

export async function cameras() {
  const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  return devices.filter(({kind}) => kind === 'videoinput').length;
}

// The next frame that was not seen yet; a frame that came while the last one was answered is taken at once.
export function frames(video) {
  let fresh = true;
  let tell = null;
  const came = () => {
    fresh = true;
    tell?.();
    watch();
  };
  const watch = () => (video.requestVideoFrameCallback ? video.requestVideoFrameCallback(came) : requestAnimationFrame(came));
  watch();
  return async () => {
    if (!fresh) await new Promise((resolve) => { tell = resolve; });
    fresh = false;
  };
}
