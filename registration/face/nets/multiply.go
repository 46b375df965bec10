package nets

import "sync"

// multiply adds row × filter to acc, where filter is [len(row)][len(acc)]. Nearly
// all of the engine's time is spent here: eight rows of the filter at once, so that
// acc is read and written once for eight products.
func multiply(acc, row, filter []float32) {
	n := len(acc)
	i := 0
	for ; i+8 <= len(row); i += 8 {
		a := (*[8]float32)(row[i:])
		if *a == ([8]float32{}) {
			continue // after a ReLU, much is zero
		}
		f := filter[i*n:][:8*n]
		f0, f1, f2, f3 := f[:n], f[n:][:n], f[2*n:][:n], f[3*n:][:n]
		f4, f5, f6, f7 := f[4*n:][:n], f[5*n:][:n], f[6*n:][:n], f[7*n:][:n]
		for j := range acc {
			acc[j] += a[0]*f0[j] + a[1]*f1[j] + a[2]*f2[j] + a[3]*f3[j] +
				(a[4]*f4[j] + a[5]*f5[j] + a[6]*f6[j] + a[7]*f7[j])
		}
	}
	for ; i < len(row); i++ {
		a, f := row[i], filter[i*n:][:n]
		for j := range acc {
			acc[j] += a * f[j]
		}
	}
}

// multiplyTwo is multiply for two neighbouring pixels, which share what is read of the filter.
func multiplyTwo(acc, acc2, row, row2, filter []float32) {
	n := len(acc)
	acc2, row2 = acc2[:n], row2[:len(row)]
	i := 0
	for ; i+4 <= len(row); i += 4 {
		a, b := (*[4]float32)(row[i:]), (*[4]float32)(row2[i:])
		if *a == ([4]float32{}) && *b == ([4]float32{}) {
			continue // after a ReLU, much is zero
		}
		f := filter[i*n:][:4*n]
		f0, f1, f2, f3 := f[:n], f[n:][:n], f[2*n:][:n], f[3*n:][:n]
		a0, a1, a2, a3 := a[0], a[1], a[2], a[3]
		b0, b1, b2, b3 := b[0], b[1], b[2], b[3]
		for j := range acc {
			w0, w1, w2, w3 := f0[j], f1[j], f2[j], f3[j]
			acc[j] += a0*w0 + a1*w1 + (a2*w2 + a3*w3)
			acc2[j] += b0*w0 + b1*w1 + (b2*w2 + b3*w3)
		}
	}
	multiply(acc, row[i:], filter[i*n:])
	multiply(acc2, row2[i:], filter[i*n:])
}

// share does rows 0 to n-1, some on each processor.
func (r *run) share(n int, row func(y int)) {
	parts := min(r.parts, n)
	if parts <= 1 {
		for y := range n {
			row(y)
		}
		return
	}
	var wg sync.WaitGroup
	for p := range parts {
		wg.Go(func() {
			for y := p * n / parts; y < (p+1)*n/parts; y++ {
				row(y)
			}
		})
	}
	wg.Wait()
}
