// What a detector's maps say, as cvapp/windows does it: boxes of cells, windows that agree made one, overlaps dropped.
import {toPicture} from './fit.js';

// Boxes {xyxy, score, place (of the class), points} in pixels of a picture of `shape`, the best first.
//   maps: Float32Array of [rows, columns, numbers]; told: model.json.
export function locate(maps, [rows, columns, numbers], shape, told) {
  const {detector, images, threshold} = told;
  const found = detector.tiles.flatMap((tile) => cellsOf(maps, columns, numbers, tile, detector, Math.max(threshold, 1e-6)));
  const frame = found.map((box) => ({...box, xyxy: clip(box.xyxy, images.size)})).filter(({xyxy}) => area(xyxy) > 0);
  const best = byScore(frame).slice(0, detector.most);
  const kept = suppress(detector.refined ? best : merge(best, detector.linked), detector.overlap).slice(0, detector.shown);
  return kept.map((box) => toShape(box, shape, images)).filter(({xyxy}) => area(xyxy) > 0);
}

function cellsOf(maps, across, numbers, tile, detector, least) {
  const found = [];
  for (let row = 0; row < tile.cells[0]; row++) {
    for (let column = 0; column < tile.cells[1]; column++) {
      const at = [tile.cell[0] + row, tile.cell[1] + column];
      const begin = (at[0] * across + at[1]) * numbers;
      const cell = maps.subarray(begin, begin + numbers);
      const end = numbers - 2 * detector.points;
      for (let number = detector.first_class; number < end; number++) {
        const place = number - detector.first_class;
        const score = detector.refined ? Math.fround(cell[0] * cell[number]) : cell[number];
        if (score >= least && !detector.nothing.includes(place)) found.push({...boxOf(cell, at, end, tile, detector), score, place});
      }
    }
  }
  return found;
}

function boxOf(cell, [row, column], end, tile, {stride, offset, window: side, refined, fill}) {
  const corner = [offset[1] + column * stride[1], offset[0] + row * stride[0]];
  const centre = refined ? [cell[1], cell[2]] : [0.5, 0.5];
  const extent = refined ? [Math.max(cell[4], 0), Math.max(cell[3], 0)] : [fill, fill];
  const toFrame = ([x, y]) => [(x - tile.place[1]) / tile.scale[1], (y - tile.place[0]) / tile.scale[0]];
  const at = (x, y) => toFrame([corner[0] + side[1] * x, corner[1] + side[0] * y]);
  const low = at(centre[0] - extent[0] / 2, centre[1] - extent[1] / 2);
  const high = at(centre[0] + extent[0] / 2, centre[1] + extent[1] / 2);
  const points = [];
  for (let number = end; number < cell.length; number += 2) points.push(at(cell[number], cell[number + 1]));
  return {xyxy: [...low, ...high], points};
}

const clip = ([left, top, right, bottom], [height, width]) => {
  const within = (value, most) => Math.min(Math.max(value, 0), most);
  return [within(left, width), within(top, height), within(right, width), within(bottom, height)];
};

const area = ([left, top, right, bottom]) => Math.max(right - left, 0) * Math.max(bottom - top, 0);

const byScore = (boxes) => [...boxes].sort((one, other) => other.score - one.score);

// Intersection over union.
function iou(one, other) {
  const shared = area([Math.max(one[0], other[0]), Math.max(one[1], other[1]), Math.min(one[2], other[2]), Math.min(one[3], other[3])]);
  const union = area(one) + area(other) - shared;
  return union > 0 ? shared / union : 0;
}

// Of boxes of one class, the best first, those that overlap a better one by more than `overlap` go.
function suppress(boxes, overlap) {
  const kept = [];
  for (const box of boxes) {
    if (!kept.some((better) => better.place === box.place && iou(better.xyxy, box.xyxy) > overlap)) kept.push(box);
  }
  return kept;
}

// One box for each group of boxes of one class that hang together by an IoU of `linked` or more: their mean, weighted by score.
function merge(boxes, linked) {
  const group = boxes.map((_, index) => index);
  const top = (index) => (group[index] === index ? index : top(group[index]));
  boxes.forEach((box, index) => {
    for (let before = 0; before < index; before++) {
      if (boxes[before].place === box.place && iou(boxes[before].xyxy, box.xyxy) >= linked) {
        const [first, second] = [top(before), top(index)];
        group[Math.max(first, second)] = Math.min(first, second);
      }
    }
  });
  const groups = new Map();
  boxes.forEach((box, index) => groups.set(top(index), [...(groups.get(top(index)) ?? []), box]));
  return byScore([...groups.values()].map((members) => ({...members[0], xyxy: mean(members)}))); // the first is the best of them
}

function mean(boxes) {
  const whole = boxes.reduce((sum, {score}) => sum + score, 0);
  return [0, 1, 2, 3].map((side) => boxes.reduce((sum, {xyxy, score}) => sum + (xyxy[side] * score) / whole, 0));
}

function toShape({xyxy, points, ...box}, shape, images) {
  const corners = [...toPicture(xyxy.slice(0, 2), shape, images), ...toPicture(xyxy.slice(2), shape, images)];
  return {...box, xyxy: clip(corners, shape), points: points.map((point) => toPicture(point, shape, images))};
}
