/// Common names by script; entries are separated by commas, the groups of an entry, where it has some, by spaces. Chinese,
/// Japanese and Korean entries include family and given names of one and of two characters: two-character parts are what
/// trips decoders that guess (F61) and trigram indexes.
struct NamePool: Sendable {
    let family: [NamePart]
    let male: [NamePart]
    let female: [NamePart]

    private init(family: String, male: String, female: String, inGroups: Bool = false) {
        func parts(_ list: String) -> [NamePart] {
            list.split(separator: ",").map { inGroups ? NamePart(groups: $0) : NamePart(alphabetic: $0) }
        }
        self.family = parts(family)
        self.male = parts(male)
        self.female = parts(female)
    }

    static func of(_ script: Script) -> NamePool { all[script] ?? latin }

    private static let all: [Script: NamePool] = [
        .latin: latin, .cyrillic: cyrillic, .greek: greek, .hebrew: hebrew, .arabic: arabic, .thai: thai,
        .japanese: japanese, .korean: korean, .chinese: chinese, .unicode: unicode,
    ]

    private static let latin = NamePool(
        family: """
            Müller,Schneider,Fischer,Weber,Schäfer,Köhler,Jäger,Lefèvre,Dupré,Françoise,Garçon,Núñez,Peña,Muñoz,García,\
            Sørensen,Østergård,Åkesson,Björk,Öberg,Gonçalves,Simões,Araújo,O'Brien,Smith,Johnson,Miller,Davis,Wilson,\
            van den Berg,de la Cruz,Rossi,Bianchi,Virtanen,Mäkinen,Þórsson,Peeters,Dubois,Martin,Novak
            """,
        male: """
            Jürgen,Günther,Björn,René,François,Andrés,José,Ángel,João,Søren,Lars,Peter,Thomas,Michael,David,Paul,\
            Matthias,Óscar,Jérôme,Luca
            """,
        female: """
            Anna,Käthe,Jörgine,Zoë,Chloë,Hélène,Amélie,Núria,Inés,María,Conceição,Åse,Märta,Julia,Emma,Sarah,Laura,\
            Mónica,Noémie,Giulia
            """)

    private static let cyrillic = NamePool(
        family: """
            Иванов,Смирнов,Кузнецов,Попов,Васильев,Петров,Соколов,Михайлов,Новиков,Фёдоров,Морозов,Волков,Алексеев,\
            Лебедев,Семёнов,Егоров,Павлов,Козлов,Степанов,Николаев,Орлов,Щербаков
            """,
        male: "Александр,Сергей,Дмитрий,Андрей,Алексей,Максим,Евгений,Иван,Михаил,Артём,Пётр,Юрий",
        female: "Анна,Мария,Елена,Ольга,Наталья,Екатерина,Татьяна,Ирина,Светлана,Юлия,Алёна,Жанна")

    private static let greek = NamePool(
        family: """
            Παπαδόπουλος,Βλάχος,Αγγελόπουλος,Νικολαΐδης,Γεωργίου,Δημητρίου,Οικονόμου,Παπανικολάου,Καραγιάννης,\
            Αντωνίου,Κωνσταντίνου,Διονυσίου,Χατζής,Μακρής
            """,
        male: "Γιώργος,Δημήτρης,Κώστας,Γιάννης,Νίκος,Παναγιώτης,Διονύσιος,Θεόδωρος,Σπύρος",
        female: "Μαρία,Ελένη,Αικατερίνη,Βασιλική,Σοφία,Αγγελική,Γεωργία,Δήμητρα,Ευγενία")

    private static let hebrew = NamePool(
        family: "כהן,לוי,מזרחי,פרץ,ביטון,אברהם,פרידמן,אגבאריה,מלכה,אזולאי,כץ,יוסף,שרון,שפירא",
        male: "משה,יוסף,דוד,אברהם,יעקב,יצחק,דניאל,מיכאל,אורי,איתן",
        female: "מרים,אסתר,שרה,רחל,חנה,נועה,תמר,יעל,מיכל,דבורה")

    private static let arabic = NamePool(
        family: "الخوري,حداد,النجار,منصور,عباس,الحسن,قباني,سليمان,المصري,خليل,الشريف,صالح,ناصر,درويش",
        male: "محمد,أحمد,علي,حسين,خالد,عمر,يوسف,ابراهيم,سمير,طارق",
        female: "فاطمة,عائشة,مريم,زينب,ليلى,سارة,نور,هدى,سلمى,رانيا")

    private static let thai = NamePool(
        family: "ใจดี,สุขสวัสดิ์,ทองดี,แสงทอง,ศรีสุข,บุญมี,วงศ์สวัสดิ์,พงษ์ไพบูลย์,รักไทย,จันทร์เพ็ญ,แก้วมณี,สายทอง",
        male: "สมชาย,สมศักดิ์,ประเสริฐ,วิชัย,สุรชัย,ธนพล,อนันต์,ณัฐพล,กิตติ",
        female: "สมหญิง,มาลี,สุดา,วันเพ็ญ,พรทิพย์,กมลวรรณ,นภา,ศิริพร,อรุณี")

    private static let japanese = NamePool(
        family: """
            Yamada 山田 やまだ,Satou 佐藤 さとう,Suzuki 鈴木 すずき,Takahashi 高橋 たかはし,Tanaka 田中 たなか,Itou 伊藤 いとう,\
            Watanabe 渡辺 わたなべ,Nakamura 中村 なかむら,Kobayashi 小林 こばやし,Katou 加藤 かとう,Mori 森 もり,Hayashi 林 はやし,\
            Sasaki 佐々木 ささき,Hasegawa 長谷川 はせがわ,Kimura 木村 きむら,Inoue 井上 いのうえ
            """,
        male: """
            Tarou 太郎 たろう,Ichirou 一郎 いちろう,Hiroshi 浩 ひろし,Kenji 健二 けんじ,Daisuke 大輔 だいすけ,Makoto 誠 まこと,\
            Takashi 隆 たかし,Shouta 翔太 しょうた,Kazuya 和也 かずや
            """,
        female: """
            Hanako 花子 はなこ,Youko 洋子 ようこ,Keiko 恵子 けいこ,Misaki 美咲 みさき,Yumi 由美 ゆみ,Sakura 桜 さくら,\
            Tomoko 智子 ともこ,Ai 愛 あい,Naomi 直美 なおみ
            """, inGroups: true)

    private static let korean = NamePool(
        family: """
            Hong 洪 홍,Kim 金 김,Lee 李 이,Park 朴 박,Choi 崔 최,Jung 鄭 정,Kang 姜 강,Namgung 南宮 남궁,Hwangbo 皇甫 황보,\
            Jegal 諸葛 제갈,Yoon 尹 윤,Seo 徐 서
            """,
        male: """
            Gildong 吉童 길동,Minjun 敏俊 민준,Jihun 志勳 지훈,Seongho 成浩 성호,Donghyun 東賢 동현,Cheol 哲 철,Jun 俊 준,\
            Youngsu 英洙 영수
            """,
        female: """
            Younghee 英姬 영희,Minji 敏智 민지,Jiyoung 智英 지영,Sujin 秀珍 수진,Eunju 恩珠 은주,Hyun 賢 현,Mihee 美姬 미희,\
            Soyeon 素姸 소연
            """, inGroups: true)

    private static let chinese = NamePool(
        family: """
            Wang 王,Li 李,Zhang 张,Liu 刘,Chen 陈,Yang 杨,Zhao 赵,Huang 黄,Zhou 周,Wu 吴,Ouyang 欧阳,Sima 司马,Zhuge 诸葛,Shangguan 上官
            """,
        male: "XiaoDong 小东,Wei 伟,Qiang 强,Jun 军,JianGuo 建国,ZhiQiang 志强,HaoRan 浩然,Lei 磊,YuXuan 宇轩,Tao 涛",
        female: "Fang 芳,Na 娜,XiuYing 秀英,Min 敏,Jing 静,LiHua 丽华,XueMei 雪梅,Yan 艳,ShuFen 淑芬,XinYi 欣怡", inGroups: true)

    private static let unicode = NamePool(
        family: """
            Nguyễn,Trần,Phạm,Hoàng,Đặng,Bùi,Wałęsa,Kowalczyk,Wiśniewski,Dąbrowski,Zieliński,Łukasik,Dvořák,Černý,Procházka,\
            Horváth,Szabó,Kőszegi,Ştefănescu,Öztürk,Çelik,Yıldızoğlu
            """,
        male: "Văn An,Đức,Minh Tuấn,Łukasz,Paweł,Michał,Jiří,Ondřej,Győző,Ștefan,Mehmet,Ömer",
        female: "Thị Hương,Ngọc,Thảo,Małgorzata,Agnieszka,Jiřina,Božena,Erzsébet,Ioana,Ayşe,Çiğdem,Şule")
}
