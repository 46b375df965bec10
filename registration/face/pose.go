package face

import "math"

// Pose is how a head is turned, in degrees. Yaw is positive towards the right side
// of the picture, which is the person's own left in a picture that is not mirrored; pitch
// is positive upwards; roll is clockwise. It is an estimate from seven points of a head that is nobody's:
// good for telling a turn from none, not for measuring one.
type Pose struct{ Yaw, Pitch, Roll float64 }

// model is a head of average shape: landmarks of the scheme and where they are, in
// units of its own. x to the right of the picture, y downwards, z away from the camera; its origin is the points' centre.
var model = centred([]modelPoint{
	{30, 0, 0, 0},         // tip of the nose
	{8, 0, 330, 65},       // chin
	{36, -225, -170, 135}, // outer corners of the eyes
	{45, 225, -170, 135},
	{27, 0, -170, 55},    // bridge of the nose
	{48, -150, 150, 125}, // corners of the mouth
	{54, 150, 150, 125},
})

type modelPoint struct {
	landmark int
	x, y, z  float64
}

func centred(m []modelPoint) []modelPoint {
	var x, y, z float64
	for _, p := range m {
		x, y, z = x+p.x, y+p.y, z+p.z
	}
	n := float64(len(m))
	for i := range m {
		m[i].x, m[i].y, m[i].z = m[i].x-x/n, m[i].y-y/n, m[i].z-z/n
	}
	return m
}

// Pose fits a scaled orthographic camera to the landmarks by least squares: the
// two rows of the fit are the rotation's first two, each times the scale.
func (f *Face) Pose() Pose {
	var normal [3][3]float64
	var right [2][3]float64
	var cx, cy float64
	for _, m := range model {
		cx += f.Landmarks[m.landmark].X / float64(len(model))
		cy += f.Landmarks[m.landmark].Y / float64(len(model))
	}
	for _, m := range model {
		v := [3]float64{m.x, m.y, m.z}
		u := [2]float64{f.Landmarks[m.landmark].X - cx, f.Landmarks[m.landmark].Y - cy}
		for i := range v {
			for j := range v {
				normal[i][j] += v[i] * v[j]
			}
			right[0][i] += u[0] * v[i]
			right[1][i] += u[1] * v[i]
		}
	}
	r1, r2 := unit(solve(normal, right[0])), unit(solve(normal, right[1]))
	r3 := unit(cross(r1, r2))
	// The camera sees along z. The nose points to -z in the head's own axes; the picture's x of that direction is the yaw.
	deg := 180 / math.Pi
	return Pose{
		Yaw:   deg * math.Asin(clamp(-r1[2])),
		Pitch: deg * math.Atan2(r2[2], r3[2]),
		Roll:  deg * math.Atan2(-r1[1], r1[0]),
	}
}

func clamp(x float64) float64 { return math.Max(-1, math.Min(1, x)) }

func unit(v [3]float64) [3]float64 {
	n := math.Sqrt(v[0]*v[0] + v[1]*v[1] + v[2]*v[2])
	if n == 0 {
		return v
	}
	return [3]float64{v[0] / n, v[1] / n, v[2] / n}
}

func cross(a, b [3]float64) [3]float64 {
	return [3]float64{a[1]*b[2] - a[2]*b[1], a[2]*b[0] - a[0]*b[2], a[0]*b[1] - a[1]*b[0]}
}

// solve is Cramer's rule; the model is not flat, so its determinant is not zero.
func solve(m [3][3]float64, b [3]float64) [3]float64 {
	det := func(m [3][3]float64) float64 {
		c := cross(m[1], m[2])
		return m[0][0]*c[0] + m[0][1]*c[1] + m[0][2]*c[2]
	}
	d := det(m)
	var x [3]float64
	for i := range x {
		n := m
		for j := range n {
			n[j][i] = b[j]
		}
		x[i] = det(n) / d
	}
	return x
}
