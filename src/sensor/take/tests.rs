use super::*;

fn data(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data/imu")
        .join(name);
    if !path.exists() {
        println!("skipped: no {}", path.display());
    }
    path.exists().then_some(path)
}

#[test]
fn an_osc_log_keeps_its_times_addresses_and_numbers() {
    let text = "2019-07-29 23:59:59.5,/0/raw,1,2.5\n2019-07-30 00:00:00.25,/1/raw,3\n";
    let Ok(Take::Datagrams(datagrams)) = Take::parse(text) else {
        panic!()
    };
    assert_eq!(
        datagrams[0].bytes,
        message("/0/raw", vec![OscType::Float(1.0), OscType::Float(2.5)])
    );
    assert_eq!((datagrams[0].at_s, datagrams[1].at_s), (0.0, 0.75));
    assert_eq!((datagrams[0].source, datagrams[1].source), (0, 1));
}

#[test]
fn columns_are_found_by_their_names_and_units() {
    let text = "Time (s),Gyroscope X (deg/s),Gyroscope Y (deg/s),Gyroscope Z (deg/s),Accelerometer X (g),Accelerometer Y (g),Accelerometer Z (g)\n1,180,0,0,0,0,1\n1.5,0,0,0,0,0,1\n";
    let Ok(Take::Readings(readings)) = Take::parse(text) else {
        panic!()
    };
    assert!((readings[0].frame.rate_rad_per_s[0] - std::f32::consts::PI).abs() < 1e-6);
    assert_eq!(
        readings[0].frame.accel_m_per_s2[2],
        STANDARD_GRAVITY_M_PER_S2
    );
    assert_eq!((readings[0].at_s, readings[1].at_s), (0.0, 0.5));
}

#[test]
fn what_cannot_be_read_is_named_by_its_line() {
    assert_eq!(
        Take::parse("1,/a,0\n2,/a,x\n").unwrap_err(),
        (2, "a value is not a number")
    );
    assert_eq!(
        Take::parse("0,0,0,1\n0.1,0,0\n").unwrap_err(),
        (2, "a value is missing or not a number")
    );
    assert_eq!(
        Take::parse("name,colour\n").unwrap_err(),
        (1, "no column of time")
    );
}

#[test]
fn the_riot_capture_is_two_sensors_at_207_hz() {
    let Some(path) = data("riot_2sensor_osc_idle.csv") else {
        return;
    };
    let take = Take::read(&path).unwrap();
    let Take::Datagrams(datagrams) = &take else {
        panic!()
    };
    let per_sensor = datagrams
        .iter()
        .filter(|datagram| datagram.source == 0)
        .count();
    let rate_hz = per_sensor as f64 / take.seconds();
    assert!((rate_hz - 207.0).abs() < 3.0, "{rate_hz}");
    assert!(
        datagrams
            .iter()
            .all(|datagram| datagram.bytes.len() == 120 && datagram.source < 2)
    );
}

#[test]
fn the_other_captures_hold_what_their_notes_say() {
    for (name, rate_hz, has_rate) in [
        ("riot_catch.csv", 200.0, false),
        ("xio_fusion_sensor_data.csv", 99.0, true),
    ] {
        let Some(path) = data(name) else { continue };
        let take = Take::read(&path).unwrap();
        assert!(
            (take.count() as f64 / take.seconds() - rate_hz).abs() < 1.0,
            "{name}"
        );
        let Take::Readings(readings) = take else {
            panic!()
        };
        let first = readings[0].frame;
        assert!(
            (first.accel_m_per_s2[2] - 9.5).abs() < 0.5,
            "{name}: {first:?}"
        );
        assert_eq!(first.rate_rad_per_s[0].is_finite(), has_rate, "{name}");
    }
    let Some(folder) = data("android_digits") else {
        return;
    };
    for entry in fs::read_dir(folder).unwrap() {
        let Take::Readings(readings) = Take::read(&entry.unwrap().path()).unwrap() else {
            panic!()
        };
        let norm = |vector: &[f32]| vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        assert!((norm(&readings[0].frame.quaternion) - 1.0).abs() < 0.01);
        assert!((norm(&readings[0].frame.accel_m_per_s2) - 9.8).abs() < 3.0);
        assert!(readings[0].frame.linear_accel_m_per_s2[0].is_finite());
    }
}
