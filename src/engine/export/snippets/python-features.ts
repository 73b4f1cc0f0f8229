/** Log-mel energies and cepstra in NumPy, by the numbers of preprocessing.json. */
export const PYTHON_FEATURES = `def mel_bands(f, rate):
    """[bands, frequencies]."""
    def place(hertz):
        hertz = np.asarray(hertz, dtype=np.float64)
        if f["mel"] == "htk":
            return 2595 * np.log10(1 + hertz / 700)
        return np.where(hertz < 1000, hertz * 3 / 200, 15 + np.log(np.maximum(hertz, 1) / 1000) * 27 / np.log(6.4))

    def hertz_of(mel):
        if f["mel"] == "htk":
            return 700 * (10 ** (mel / 2595) - 1)
        return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))

    corners = np.linspace(place(f["low"]), place(f["high"]), f["bands"] + 2)
    hertz, at = hertz_of(corners), np.arange(f["fft"] // 2 + 1) * rate / f["fft"]
    along = corners if f["triangles"] == "mel" else hertz
    at = place(at) if f["triangles"] == "mel" else at
    up = (at - along[:-2, None]) / (along[1:-1] - along[:-2])[:, None]
    down = (along[2:, None] - at) / (along[2:] - along[1:-1])[:, None]
    weights = np.maximum(0, np.minimum(up, down))
    return weights * (2 / (hertz[2:] - hertz[:-2]))[:, None] if f["area"] else weights


def features(wave_, f):
    """Frames of a wave in the order of the input's axes."""
    size, window, rate = f["frame"], f["window"], FORM["sampleRate"]
    if f["edges"] != "whole":
        wave_ = np.pad(wave_, size // 2, mode="reflect" if f["edges"] == "reflect" else "constant")
    count = min(f["frames"], 1 + (len(wave_) - size) // f["hop"])
    frames = np.stack([wave_[t * f["hop"] : t * f["hop"] + size] for t in range(count)]).astype(np.float64)
    if f["removeMean"]:
        frames -= frames.mean(1, keepdims=True)
    energy = np.log(np.maximum((frames**2).sum(1), f["floor"]))
    frames = frames - f["preemphasis"] * np.concatenate([frames[:, :1], frames[:, :-1]], 1)
    cosine = np.cos(2 * np.pi * np.arange(window) / (window if f["periodic"] else window - 1))
    weights = 0.54 - 0.46 * cosine if f["shape"] == "hamming" else 0.5 - 0.5 * cosine
    weights = weights**0.85 if f["shape"] == "povey" else weights
    skipped = (size - window) // 2
    spectrum = np.abs(np.fft.rfft(frames[:, skipped : skipped + window] * weights, f["fft"])) ** f["power"]
    values = spectrum @ mel_bands(f, rate).T
    values = values + f["floor"] if f["floorAdded"] else np.maximum(values, f["floor"])
    values = np.log(values) if f["log"] == "ln" else np.log10(values)
    values *= 20 / f["power"] if f["log"] == "decibel" else 1
    loudest = values.max()
    if "range" in f:
        values = np.maximum(values, loudest - f["range"])
    values = values - loudest if f["relative"] else values
    if f["kind"] == "mfcc":
        i = np.arange(f.get("coefficients", f["bands"]))
        turn = np.cos(np.pi * i[:, None] * (np.arange(f["bands"]) + 0.5) / f["bands"])
        lifter = 1 + f["lifter"] / 2 * np.sin(np.pi * i / f["lifter"]) if f["lifter"] else 1
        values = values @ turn.T * np.sqrt(np.where(i == 0, 1, 2) / f["bands"]) * lifter
        if f["energy"]:
            values[:, 0] = energy
    values = (values - f["mean"]) / f["std"]
    values = np.pad(values, ((0, f["frames"] - count), (0, 0)))
    return values if f["layout"] == "frames-first" else values.T`
