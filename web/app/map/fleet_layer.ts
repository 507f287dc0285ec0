/**
 * The fleet on the map: one custom WebGL layer, one draw call. A state has a shape and a colour:
 * moving an arrow by heading, standing a square, without a fix a diamond, silent a cross, out a ring.
 * Takes what pack() made; the map is never turned nor tilted, so a place is a matter of scale and offset.
 */
import type { CustomLayerInterface, Map as MapLibre } from 'maplibre-gl';
import { states } from '../../shared/state.ts';
import { MARK_FLOATS, type Packed } from './pack.ts';
import { mercatorX, mercatorY, worldSize } from './mercator.ts';

export type Rgb = readonly [number, number, number];

export interface MarkColours {
	/** In the order of `states`. */
	states: readonly Rgb[];
	halo: Rgb;
	chosen: Rgb;
}

const vertexSource = `#version 300 es
in vec4 place;
in vec2 look;
uniform vec4 centre;
uniform vec2 scale;
uniform vec2 offset;
uniform float ratio;
out float angle;
flat out int state;
flat out int chosen;
out float reach;
void main() {
	vec2 from = (place.xy - centre.xy) + (place.zw - centre.zw);
	gl_Position = vec4(from * scale + offset, 0.0, 1.0);
	angle = radians(look.x);
	int code = int(look.y + 0.5);
	chosen = code >= 8 ? 1 : 0;
	state = code - chosen * 8;
	reach = chosen == 1 ? 20.0 : 12.0;
	gl_PointSize = 2.0 * reach * ratio;
}`;

const fragmentSource = `#version 300 es
precision highp float;
in float angle;
flat in int state;
flat in int chosen;
in float reach;
uniform vec3 colours[${states.length}];
uniform vec3 halo;
uniform vec3 ring;
uniform float ratio;
out vec4 result;

float arrow(vec2 p) {
	vec2 v[4];
	v[0] = vec2(0.0, -8.5); v[1] = vec2(6.2, 7.0); v[2] = vec2(0.0, 4.0); v[3] = vec2(-6.2, 7.0);
	float d = dot(p - v[0], p - v[0]);
	float s = 1.0;
	for (int i = 0, j = 3; i < 4; j = i, i++) {
		vec2 e = v[j] - v[i];
		vec2 w = p - v[i];
		vec2 b = w - e * clamp(dot(w, e) / dot(e, e), 0.0, 1.0);
		d = min(d, dot(b, b));
		bvec3 c = bvec3(p.y >= v[i].y, p.y < v[j].y, e.x * w.y > e.y * w.x);
		if (all(c) || all(not(c))) s = -s;
	}
	return s * sqrt(d) - 0.6;
}
float box(vec2 p, float half_, float round_) {
	vec2 q = abs(p) - vec2(half_ - round_);
	return length(max(q, 0.0)) + min(max(q.x, q.y), 0.0) - round_;
}
float bar(vec2 p, float length_, float width) {
	p.x -= clamp(p.x, -length_, length_);
	return length(p) - width;
}
void main() {
	vec2 p = (gl_PointCoord * 2.0 - 1.0) * reach;
	if (chosen == 1) p /= 1.2;
	float c = cos(angle), s = sin(angle);
	vec2 turned = vec2(c * p.x + s * p.y, c * p.y - s * p.x);
	vec2 slanted = vec2(p.x + p.y, p.y - p.x) * 0.70711;
	float d;
	if (state == 3) d = arrow(turned);
	else if (state == 4) d = box(p, 4.6, 1.2);
	else if (state == 2) d = max(box(slanted, 4.9, 0.8), 1.9 - length(p));
	else if (state == 1) d = min(bar(slanted, 5.0, 1.6), bar(slanted.yx, 5.0, 1.6));
	else d = abs(length(p) - 3.6) - 1.2;
	float soft = 0.7 / ratio;
	float fill = 1.0 - smoothstep(-soft, soft, d);
	float edge = 1.0 - smoothstep(-soft, soft, d - 1.6);
	vec4 paint = vec4(halo, 1.0) * edge * 0.96;
	paint = mix(paint, vec4(colours[state], 1.0), fill);
	if (chosen == 1) {
		float r = length(p);
		float disc = 1.0 - smoothstep(13.6, 14.6, r);
		vec4 under = vec4(halo, 1.0) * disc * 0.55;
		float line = 1.0 - smoothstep(-soft, soft, abs(r - 13.8) - 1.1);
		under = mix(under, vec4(ring, 1.0), line);
		paint = paint + under * (1.0 - paint.a);
	}
	if (paint.a < 0.01) discard;
	result = paint;
}`;

function compile(gl: WebGL2RenderingContext, type: number, source: string): WebGLShader {
	const shader = gl.createShader(type);
	if (shader === null) throw new Error('no shader: the WebGL context is lost');
	gl.shaderSource(shader, source);
	gl.compileShader(shader);
	if (gl.getShaderParameter(shader, gl.COMPILE_STATUS) !== true && !gl.isContextLost())
		throw new Error(`shader: ${gl.getShaderInfoLog(shader) ?? 'unknown'}`);
	return shader;
}

export class FleetLayer implements CustomLayerInterface {
	readonly id = 'fleet';
	readonly type = 'custom' as const;
	#map: MapLibre | null = null;
	#gl: WebGL2RenderingContext | null = null;
	#program: WebGLProgram | null = null;
	#buffer: WebGLBuffer | null = null;
	#array: WebGLVertexArrayObject | null = null;
	#uniforms = new Map<string, WebGLUniformLocation | null>();
	#packed: Packed | null = null;
	#stale = false;
	#colours: MarkColours;

	constructor(colours: MarkColours) {
		this.#colours = colours;
	}

	setColours(colours: MarkColours): void {
		this.#colours = colours;
		this.#map?.triggerRepaint();
	}

	setPacked(packed: Packed): void {
		this.#packed = packed;
		this.#stale = true;
		this.#map?.triggerRepaint();
	}

	onAdd(map: MapLibre, gl: WebGL2RenderingContext): void {
		this.#map = map;
		this.#gl = gl;
		const program = gl.createProgram();
		gl.attachShader(program, compile(gl, gl.VERTEX_SHADER, vertexSource));
		gl.attachShader(program, compile(gl, gl.FRAGMENT_SHADER, fragmentSource));
		gl.bindAttribLocation(program, 0, 'place');
		gl.bindAttribLocation(program, 1, 'look');
		gl.linkProgram(program);
		this.#program = program;
		for (const name of ['centre', 'scale', 'offset', 'ratio', 'colours', 'halo', 'ring'])
			this.#uniforms.set(name, gl.getUniformLocation(program, name));
		this.#buffer = gl.createBuffer();
		this.#array = gl.createVertexArray();
		gl.bindVertexArray(this.#array);
		gl.bindBuffer(gl.ARRAY_BUFFER, this.#buffer);
		gl.enableVertexAttribArray(0);
		gl.vertexAttribPointer(0, 4, gl.FLOAT, false, MARK_FLOATS * 4, 0);
		gl.enableVertexAttribArray(1);
		gl.vertexAttribPointer(1, 2, gl.FLOAT, false, MARK_FLOATS * 4, 16);
		gl.bindVertexArray(null);
		this.#stale = this.#packed !== null;
	}

	onRemove(_map: MapLibre, gl: WebGL2RenderingContext): void {
		gl.deleteBuffer(this.#buffer);
		gl.deleteVertexArray(this.#array);
		gl.deleteProgram(this.#program);
		this.#map = null;
		this.#gl = null;
	}

	render(gl: WebGL2RenderingContext): void {
		const map = this.#map;
		const packed = this.#packed;
		if (map === null || packed === null || this.#program === null || gl !== this.#gl) return;
		gl.useProgram(this.#program);
		gl.bindVertexArray(this.#array);
		if (this.#stale) {
			gl.bindBuffer(gl.ARRAY_BUFFER, this.#buffer);
			gl.bufferData(gl.ARRAY_BUFFER, packed.marks, gl.DYNAMIC_DRAW);
			this.#stale = false;
		}
		const centre = map.getCenter();
		const at = map.project(centre);
		const { clientWidth: width, clientHeight: height } = map.getCanvas();
		const x = mercatorX(centre.lng);
		const y = mercatorY(centre.lat);
		const hx = Math.fround(x);
		const hy = Math.fround(y);
		const world = worldSize(map.getZoom());
		const u = (name: string) => this.#uniforms.get(name) ?? null;
		gl.uniform4f(u('centre'), hx, hy, x - hx, y - hy);
		gl.uniform2f(u('scale'), (2 * world) / width, (-2 * world) / height);
		gl.uniform2f(u('offset'), (2 * at.x) / width - 1, 1 - (2 * at.y) / height);
		gl.uniform1f(u('ratio'), map.getPixelRatio());
		gl.uniform3fv(u('colours'), this.#colours.states.flat());
		gl.uniform3fv(u('halo'), this.#colours.halo);
		gl.uniform3fv(u('ring'), this.#colours.chosen);
		gl.enable(gl.BLEND);
		gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
		gl.disable(gl.DEPTH_TEST);
		gl.disable(gl.STENCIL_TEST);
		gl.drawArrays(gl.POINTS, 0, packed.count);
		gl.bindVertexArray(null);
	}
}
