/// What was done: the modalities of a study, its usual size and its description in the language of the site.
struct Examination: Sendable {
    let modalities: [String]
    let weight: Int
    let series: ClosedRange<Int>
    let imagesPerSeries: ClosedRange<Int>
    private let descriptions: [Script: [String]]

    func descriptions(in script: Script) -> [String] { descriptions[script] ?? descriptions[.unicode] ?? [] }

    static let all = [
        Examination(
            modalities: ["CT"], weight: 20, series: 2...8, imagesPerSeries: 40...400,
            descriptions: [
                .latin: ["CT Thorax", "Scanner cérébral", "TC de tórax", "CT Schädel nativ"],
                .cyrillic: ["КТ органов грудной клетки"], .greek: ["Αξονική θώρακος"], .hebrew: ["טומוגרפיה של החזה"],
                .arabic: ["تصوير مقطعي للصدر"], .thai: ["ซีทีสแกนทรวงอก"], .japanese: ["胸部ＣＴ", "頭部ＣＴ検査"],
                .korean: ["흉부 CT"], .chinese: ["胸部CT平扫"], .unicode: ["CT chest", "CT ngực", "TK klatki piersiowej"],
            ]),
        Examination(
            modalities: ["CT", "SR"], weight: 6, series: 3...9, imagesPerSeries: 40...300,
            descriptions: [.latin: ["CT Thorax low dose"], .unicode: ["CT low dose"]]),
        Examination(
            modalities: ["MR"], weight: 16, series: 4...14, imagesPerSeries: 15...160,
            descriptions: [
                .latin: ["IRM cérébrale", "MRT Knie", "RM rodilla"], .cyrillic: ["МРТ головного мозга"],
                .japanese: ["頭部ＭＲＩ"], .korean: ["뇌 MRI"], .chinese: ["头颅MRI"], .unicode: ["MRI brain"],
            ]),
        Examination(
            modalities: ["CR"], weight: 14, series: 1...2, imagesPerSeries: 1...2,
            descriptions: [
                .latin: ["Röntgen-Thorax", "Rx tórax"], .cyrillic: ["Рентген лёгких"], .japanese: ["胸部Ｘ線"],
                .unicode: ["Chest X-ray"],
            ]),
        Examination(
            modalities: ["DX"], weight: 14, series: 1...3, imagesPerSeries: 1...2,
            descriptions: [.latin: ["Hüfte links", "Genou droit"], .unicode: ["Hand AP", "Foot"]]),
        Examination(
            modalities: ["US"], weight: 14, series: 1...2, imagesPerSeries: 5...60,
            descriptions: [.latin: ["Échographie abdominale"], .thai: ["อัลตราซาวด์ช่องท้อง"], .unicode: ["US abdomen"]]),
        Examination(
            modalities: ["MG"], weight: 5, series: 1...2, imagesPerSeries: 2...4,
            descriptions: [.unicode: ["Mammography screening"]]),
        Examination(
            modalities: ["PT", "CT"], weight: 3, series: 3...6, imagesPerSeries: 200...500,
            descriptions: [.unicode: ["PET/CT whole body"]]),
        Examination(
            modalities: ["XA"], weight: 3, series: 2...20, imagesPerSeries: 1...30,
            descriptions: [.latin: ["Coronarographie"], .unicode: ["Coronary angiography"]]),
    ]
}
